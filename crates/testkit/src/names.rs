//! Names that keep tests apart, and tell whose leftovers something is.

use std::path::Path;

/// A fresh name, safe as a subject token, a database name and a part of a stream name:
/// `t<process id>x<8 hex digits>`. What a process that is gone left under such a name is swept.
#[must_use]
pub fn namespace() -> String {
    let mut random = [0_u8; 4];
    getrandom::fill(&mut random).expect("the system gives random bytes");
    format!("t{}x{}", std::process::id(), hex::encode(random))
}

/// True when `name` holds a namespace whose process has ended.
pub(crate) fn is_leftover(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(process_of)
        .any(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

fn process_of(token: &str) -> Option<u32> {
    let (pid, random) = token.strip_prefix('t')?.split_once('x')?;
    let fits = random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    pid.parse().ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_namespace_is_not_a_leftover() {
        assert!(!is_leftover(&namespace()));
        assert!(!is_leftover(&namespace().to_uppercase()));
    }

    #[test]
    fn namespace_of_a_dead_process_is_a_leftover_inside_a_stream_name_too() {
        assert!(is_leftover("t4194999x00ff00ff"));
        assert!(is_leftover("T4194999X00FF00FF_EVT_CONTROL"));
    }

    #[test]
    fn other_names_are_left_alone() {
        for name in [
            "writ",
            "EVT_CONTROL",
            "template1",
            "t12x",
            "t12x00ff",
            "tax00ff00ff",
        ] {
            assert!(!is_leftover(name), "{name}");
        }
    }
}
