//! A zip without compression (PKWARE APPNOTE 6.3.3, versions needed 1.0): every reader opens it, and
//! the same files give the same bytes.

/// 1 January 1980, the first date a zip knows.
const DATE: u16 = 0x21;
/// Bit 11: names are UTF-8.
const UTF8: u16 = 1 << 11;

/// Files, put together.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    files: u16,
}

/// More or larger than a plain zip can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the package is too large for a zip")]
pub(super) struct TooLarge;

impl Archive {
    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> Result<(), TooLarge> {
        let offset = u32::try_from(self.bytes.len()).map_err(|_| TooLarge)?;
        let size = u32::try_from(content.len()).map_err(|_| TooLarge)?;
        let length = u16::try_from(name.len()).map_err(|_| TooLarge)?;
        self.files = self.files.checked_add(1).ok_or(TooLarge)?;
        // From "version needed" to "extra field length": the same in both headers.
        let mut shared = Vec::new();
        for field in [10, UTF8, 0, 0, DATE] {
            shared.extend(u16::to_le_bytes(field));
        }
        for field in [crc32fast::hash(content), size, size] {
            shared.extend(field.to_le_bytes());
        }
        shared.extend(length.to_le_bytes());
        shared.extend([0; 2]);

        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&shared);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(content);

        self.directory.extend(b"PK\x01\x02\x0a\x00");
        self.directory.extend(&shared);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        Ok(())
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, TooLarge> {
        let offset = u32::try_from(self.bytes.len()).map_err(|_| TooLarge)?;
        let size = u32::try_from(self.directory.len()).map_err(|_| TooLarge)?;
        self.bytes.append(&mut self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.files.to_le_bytes());
        self.bytes.extend(self.files.to_le_bytes());
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0; 2]);
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Python's reader is another implementation: it checks every header and checksum.
    const READ: &str = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        assert z.testzip() is None\n\
        print([(n, z.read(n).decode()) for n in z.namelist()])";

    #[test]
    fn another_program_reads_what_was_put_in() {
        let mut archive = Archive::default();
        archive.add("a.txt", b"one").unwrap();
        archive.add("b/\u{e9}.json", b"").unwrap();
        archive.add("c", "zwei \u{20ac}".as_bytes()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("package.zip");
        std::fs::write(&path, archive.finish().unwrap()).unwrap();
        let read = Command::new("python3")
            .args(["-X", "utf8", "-c", READ])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&read.stdout);
        let wrong = String::from_utf8_lossy(&read.stderr);
        assert_eq!(
            said.trim(),
            "[('a.txt', 'one'), ('b/\u{e9}.json', ''), ('c', 'zwei \u{20ac}')]",
            "{wrong}"
        );
    }
}
