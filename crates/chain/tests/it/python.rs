//! The verifier in Python, many bundles in one process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::bundle::Keys;

/// Reads lines `<length> <options>`, each followed by that many bytes of a file; answers codes.
const DRIVER: &str = "
import io, json, sys
sys.path.insert(0, sys.argv[1])
import verify
keys = {}
source = sys.stdin.buffer
while line := source.readline():
    size, options = line.split(b' ', 1)
    options = json.loads(options)
    text = json.dumps(options.pop('keys'))
    if text not in keys:
        keys[text] = verify.read_keys(text.encode())
    for name in ('against', 'beside'):
        if name in options:
            options[name] = options[name].encode()
    if 'against' in options:
        options['against'] = lambda text=options['against']: io.BytesIO(text)
    try:
        runs = verify.verify(io.BytesIO(source.read(int(size))), keys[text], **options)
        code = verify.worst(runs)
    except verify.Misuse:
        code = verify.USAGE
    print(code, flush=False)
";

/// A file and what the verifier is told: `keys`, and `quorum`, `asked`, `seen`, `against`, `beside`
/// where given.
pub(crate) struct Job {
    pub(crate) bundle: Vec<u8>,
    pub(crate) options: Value,
}

impl Job {
    pub(crate) fn new(bundle: Vec<u8>, keys: &Keys) -> Self {
        Self {
            bundle,
            options: json!({ "keys": keys }),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.options[name] = value;
        self
    }
}

/// The code of each job, in order.
pub(crate) fn codes(jobs: Vec<Job>) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/verify");
    let mut child = Command::new("python3")
        .args(["-B", "-c", DRIVER])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("python3, 3.11 or later: {error}"));
    let mut input = child.stdin.take().unwrap();
    let count = jobs.len();
    let writer = std::thread::spawn(move || {
        for Job { bundle, options } in jobs {
            let head = format!("{} {options}\n", bundle.len());
            let written = input
                .write_all(head.as_bytes())
                .and_then(|()| input.write_all(&bundle));
            if written.is_err() {
                return;
            }
        }
    });
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let codes: Vec<u8> = lines.map(|line| line.unwrap().parse().unwrap()).collect();
    writer.join().unwrap();
    let mut trouble = String::new();
    let mut errors = child.stderr.take().unwrap();
    errors.read_to_string(&mut trouble).unwrap();
    assert!(child.wait().unwrap().success(), "{trouble}");
    assert_eq!(codes.len(), count, "{trouble}");
    codes
}
