use super::*;

fn all(text: &str) -> Vec<Found> {
    let mut out = Vec::new();
    find(text, &mut |found| {
        out.push(found);
        true
    });
    out
}

fn shown(found: &Found) -> String {
    match &found.host {
        Some(Host::Name(name)) => name.clone(),
        Some(Host::Address(address)) => address.to_string(),
        Some(Host::Unreadable) => "?".to_owned(),
        None => "-".to_owned(),
    }
}

fn certain(text: &str) -> Vec<String> {
    all(text)
        .iter()
        .filter(|found| found.certain)
        .map(shown)
        .collect()
}

fn mentioned(text: &str) -> Vec<String> {
    all(text)
        .iter()
        .filter(|found| !found.certain)
        .map(shown)
        .collect()
}

#[test]
fn urls_are_found_in_running_text() {
    for (text, hosts) in [
        (
            "see https://a.example/x?y=http://b.example#z.",
            vec!["a.example", "b.example"],
        ),
        (
            "(https://a.example), then 'http://b.example:8080'.",
            vec!["a.example", "b.example"],
        ),
        (
            "[x](https://a.example/p) <http://b.example>",
            vec!["a.example", "b.example"],
        ),
        ("HTTPS://A.Example.", vec!["a.example"]),
        ("postgres://u:p@db.example:5432/x", vec!["db.example"]),
        ("jdbc:postgresql://db.example/x", vec!["db.example"]),
        ("<img src=\"//img.example/a.png\">", vec!["img.example"]),
        (
            "https:/one.example https:two.example https:\\\\three.example",
            vec!["one.example", "two.example", "three.example"],
        ),
        ("{\"u\":\"https:\\/\\/a.example\\/x\"}", vec!["a.example"]),
        ("http://[2606:4700::1111]:80/", vec!["2606:4700::1111"]),
        ("https://bücher.example/", vec!["xn--bcher-kva.example"]),
        ("https://a.example。/", vec!["a.example"]),
        (
            "C:\\\\Users\\\\x.txt file://nas.example/x",
            vec!["nas.example"],
        ),
        ("std::string a; // comment. http: no, note: yes", vec![]),
    ] {
        assert_eq!(certain(text), hosts, "{text}");
    }
}

#[test]
fn where_readers_disagree_every_reading_is_found() {
    for (text, hosts) in [
        ("https://good.example@evil.example/", vec!["evil.example"]),
        ("https://good.example:x@evil.example/", vec!["evil.example"]),
        (
            "https://good.example\\@evil.example/",
            vec!["good.example", "evil.example"],
        ),
        (
            "https://good.example,x@evil.example/",
            vec!["evil.example", "good.example"],
        ),
        ("https://evil%2Eexample/", vec!["evil.example"]),
        ("https://evil.example./", vec!["evil.example"]),
        ("https://ev\u{AD}il.example/", vec!["evil.example"]),
        ("https://ｅｖｉｌ．example/", vec!["evil.example"]),
    ] {
        assert_eq!(certain(text), hosts, "{text}");
    }
}

#[test]
fn every_spelling_of_an_address_is_that_address() {
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0x7f.1",
        "127.0.0.1.",
    ] {
        assert_eq!(
            certain(&format!("http://{host}/x")),
            ["127.0.0.1"],
            "{host}"
        );
    }
    let disguise = |text: &str| all(text)[0].disguise;
    assert_eq!(disguise("http://127.0.0.1/"), None);
    assert_eq!(disguise("http://0x7f.1/"), Some("disguised address"));
    assert_eq!(
        disguise("http://[::ffff:10.0.0.1]/"),
        Some("disguised address")
    );
    assert_eq!(disguise("http://[::1]/"), None);
}

#[test]
fn disguises_are_called_so() {
    for (text, disguise) in [
        (
            "https://good.example@evil.example/",
            Some("host-like user name"),
        ),
        ("https://user:pass@evil.example/", None),
        ("https://good.example\\@evil.example/", None),
        ("https://pаypal.com/", Some("look-alike letters")),
        ("https://xn--pypal-4ve.com/", Some("look-alike letters")),
        ("https://müller.de/", None),
        ("https://smørrebrød.dk/", None),
        ("https://почта.рф/", None),
        ("https://сор.рф/", None),
    ] {
        assert_eq!(all(text)[0].disguise, disguise, "{text}");
    }
    let both = all("https://good.example\\@evil.example/");
    assert_eq!(both[1].disguise, Some("backslash"));
    let long = format!("https://{}@evil.example/", "a".repeat(600));
    assert_eq!(all(&long)[0].disguise, Some("overlong authority"));
}

#[test]
fn names_that_are_only_mentioned_are_found_as_such() {
    for (text, hosts) in [
        ("send it to evil.example, please", vec!["evil.example"]),
        ("mail bob@evil.example.", vec!["evil.example"]),
        ("ping 10.0.0.1 or 10.0.0.1.2", vec!["10.0.0.1"]),
        ("on localhost:8080 and localhost", vec!["localhost"]),
        ("version 1.2.3 of x.y is e.g. 3.14", vec![]),
        ("пример.рф", vec!["xn--e1afmkfd.xn--p1ai"]),
    ] {
        assert_eq!(mentioned(text), hosts, "{text}");
    }
}

#[test]
fn spans_are_the_host_in_the_text() {
    let text = "ö (https://u@Évil.example:80/x) evil.example";
    let spans = all(text).into_iter().map(|found| {
        let span = found.span.unwrap();
        text.get(span.start..span.end).unwrap().to_owned()
    });
    let spans: Vec<String> = spans.collect();
    assert_eq!(spans, ["Évil.example", "Évil.example", "evil.example"]);
}

#[test]
fn fields_may_hold_a_host_without_a_scheme() {
    let field = |text: &str| {
        let mut out = Vec::new();
        find_in_field(text, &mut |found| {
            out.push(found);
            true
        });
        out.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(field("evil.example/path"), ["evil.example"]);
    assert_eq!(field("10.0.0.1:22"), ["10.0.0.1"]);
    assert_eq!(field("2130706433"), ["127.0.0.1"]);
    assert_eq!(field("ht\ntps://ev\til.example/"), ["evil.example"]);
    assert_eq!(field("//evil.example"), ["evil.example"]);
    assert_eq!(field("12 Main Street"), Vec::<String>::new());
    assert_eq!(field(""), Vec::<String>::new());
}

#[test]
fn schemes_without_a_host_are_found() {
    for (text, scheme) in [
        ("javascript:alert(1)", "javascript"),
        ("data:text/html;base64,x", "data"),
        ("file:///etc/passwd", "file"),
        ("file:/etc/passwd", "file"),
    ] {
        let found = &all(text)[0];
        assert_eq!(
            (found.scheme.as_str(), &found.host),
            (scheme, &None),
            "{text}"
        );
    }
    assert!(all("the data: see below, file: none").is_empty());
}

#[test]
fn private_names_and_addresses_are_known() {
    let private = |host: &str| parse(host).host.is_private();
    for host in [
        "localhost",
        "a.localhost",
        "metadata.google.internal",
        "printer.local",
        "redis",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
        "[::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "2130706433",
        "127.0.0.1.nip.io",
        "kubernetes.default.svc",
    ] {
        assert!(private(host), "{host}");
    }
    for host in [
        "example.com",
        "internal.example.com",
        "notlocal.example",
        "1.1.1.1",
        "[2606:4700::1]",
    ] {
        assert!(!private(host), "{host}");
    }
}
