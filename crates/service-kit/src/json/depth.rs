//! Nesting of a JSON text, looked at before a parser is let loose on it.

/// The text nests deeper than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("JSON is nested deeper than {limit} levels")]
pub struct TooDeep {
    /// The deepest level that is allowed.
    pub limit: usize,
}

/// Counts brackets outside strings; the text need not be valid.
///
/// # Errors
/// When more than `limit` are open at once.
pub fn check_depth(text: &[u8], limit: usize) -> Result<(), TooDeep> {
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                open += 1;
                if open > limit {
                    return Err(TooDeep { limit });
                }
            }
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(check_depth(br#"{"a":"[[[[\"[[","b":[1]}"#, 2).is_ok());
        assert_eq!(check_depth(b"[[[", 2), Err(TooDeep { limit: 2 }));
        assert!(check_depth(b"[[],[],[]]", 2).is_ok());
    }
}
