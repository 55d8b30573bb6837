use super::*;

#[test]
fn lines_read_back() {
    let header = Header {
        period: Some(Period {
            from: Some(-5),
            to: None,
        }),
        filter: BTreeMap::from([("action".to_owned(), "agent.paused".to_owned())]),
        ..Header::whole(Uuid::from_u128(5), 3, "note\n".to_owned())
    };
    let text = header_line(&header).unwrap();
    assert!(text.ends_with('\n') && !text.trim_end().contains('\n'));
    assert_eq!(read_header(text.as_bytes()), Ok(header));
    let entry = entry_line(2, b"\x00\xff");
    let read = read_line(entry.as_bytes());
    assert_eq!(read, Ok(Line::Entry(2, b"\x00\xff".to_vec())));
    let redacted = Redacted {
        from: 1,
        nodes: vec![[3; 32]],
        to: 2,
    };
    let mark = redacted_line(&redacted).unwrap();
    assert_eq!(read_line(mark.as_bytes()), Ok(Line::Redacted(redacted)));
    let manifest = manifest_line("text\n").unwrap();
    assert_eq!(
        read_line(manifest.as_bytes()),
        Ok(Line::Manifest("text\n".to_owned()))
    );
}

#[test]
fn another_format_or_an_unknown_field_is_refused() {
    let header = header_line(&Header::whole(Uuid::nil(), 0, String::new())).unwrap();
    let changed = |from: &str, to: &str| read_header(header.replace(from, to).as_bytes());
    assert!(changed("export/2", "export/1").is_err());
    assert!(changed("\"size\"", "\"key\":1,\"size\"").is_err());
    for line in ["{\"seq\":1}\n", "{\"leaf\":\"*\",\"seq\":1}\n", "\n", ""] {
        assert_eq!(read_line(line.as_bytes()), Err(InvalidLine), "{line}");
    }
}

#[test]
fn a_line_has_one_spelling() {
    let header = header_line(&Header::whole(Uuid::nil(), 0, String::new())).unwrap();
    let entry = entry_line(7, b"leaf bytes");
    for line in [&header, &entry] {
        let read = |text: String| {
            let text = text.as_bytes();
            read_header(text).is_ok() || read_line(text).is_ok()
        };
        assert!(read(line.clone()));
        assert!(!read(line.trim_end().to_owned()));
        assert!(!read(line.replace('\n', "\r\n")));
        assert!(!read(line.replace(':', ": ")));
        assert!(!read(format!(" {line}")));
        assert!(!read(
            line.replace("7}", "07}").replace("size\":0", "size\":00")
        ));
    }
    // The last base64 digit has bits that stand for nothing: one digit only may be written there.
    assert!(read_line(b"{\"leaf\":\"AA==\",\"seq\":7}\n").is_ok());
    assert!(read_line(b"{\"leaf\":\"AB==\",\"seq\":7}\n").is_err());
}
