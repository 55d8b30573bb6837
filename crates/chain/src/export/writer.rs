use super::{
    ExportSigner, Header, InvalidLine, Redacted, Tally, entry_line, header_line, manifest_line,
    redacted_line,
};

/// Writes a bundle line by line in constant memory: the header when it is opened, then entries and
/// marks in order, then the manifest over all that.
#[derive(Debug)]
pub struct Writer {
    header: Header,
    tally: Tally,
}

impl Writer {
    /// A bundle under `header`, and its first line.
    ///
    /// # Errors
    /// [`InvalidLine`] when the header cannot be written.
    pub fn open(header: Header) -> Result<(Self, String), InvalidLine> {
        let line = header_line(&header)?;
        let mut tally = Tally::default();
        tally.line(line.as_bytes());
        Ok((Self { header, tally }, line))
    }

    /// A file of another format, such as a SIEM's, under the same manifest: without a header line and
    /// without marks.
    #[must_use]
    pub fn foreign(header: Header, format: &str) -> Self {
        let format = format.to_owned();
        Self {
            header: Header { format, ..header },
            tally: Tally::default(),
        }
    }

    /// Counts an entry that was written as `line`, in another format.
    pub fn count(&mut self, line: &str) {
        self.tally.line(line.as_bytes());
        self.tally.shown();
    }

    /// The line of the next entry.
    #[must_use]
    pub fn entry(&mut self, seq: u64, leaf_bytes: &[u8]) -> String {
        let line = entry_line(seq, leaf_bytes);
        self.tally.line(line.as_bytes());
        self.tally.shown();
        line
    }

    /// The line of the next entries, which are not shown.
    ///
    /// # Errors
    /// [`InvalidLine`] when the mark cannot be written.
    pub fn redacted(&mut self, mark: &Redacted) -> Result<String, InvalidLine> {
        let line = redacted_line(mark)?;
        self.tally.line(line.as_bytes());
        self.tally.hidden(mark.to.saturating_sub(mark.from));
        Ok(line)
    }

    /// The last line.
    ///
    /// # Errors
    /// [`InvalidLine`] when a signer refuses.
    pub fn finish(self, signers: &[&dyn ExportSigner]) -> Result<String, InvalidLine> {
        let manifest = self.tally.manifest(&self.header);
        manifest_line(&manifest.sign(signers).map_err(|_| InvalidLine)?)
    }
}
