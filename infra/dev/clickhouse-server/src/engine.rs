//! The C side: load the library, hand it a command line.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use anyhow::Context;
use libloading::Library;

type SetSignalHandlers = unsafe extern "C" fn(c_int);
type QueryCmdline = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
type ResultError = unsafe extern "C" fn(*mut c_void) -> *const c_char;

/// The loaded engine. One server per process: the engine keeps process-wide state.
#[derive(Debug)]
pub(crate) struct Engine {
    library: Library,
}

impl Engine {
    /// Loads the library and turns its own crash handlers off, which would otherwise sleep for
    /// minutes before a fault ends the process.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        // SAFETY: the library's initialisers touch only its own state, and nothing of it is in use.
        let library = unsafe { Library::new(path) }
            .with_context(|| format!("cannot load {}", path.display()))?;
        // SAFETY: the symbol has this signature in chdb.h, and the engine has not started yet.
        unsafe {
            library.get::<SetSignalHandlers>(b"chdb_set_signal_handlers_enabled\0")?(0);
        }
        Ok(Self { library })
    }

    /// Runs one command line to its end, which for an endless query is its being killed.
    pub(crate) fn run(&self, arguments: &[String]) -> anyhow::Result<()> {
        let owned = arguments
            .iter()
            .map(|argument| CString::new(argument.as_str()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<*mut c_char> = owned
            .iter()
            .map(|argument| argument.as_ptr().cast_mut())
            .collect();
        let count = c_int::try_from(pointers.len())?;
        // SAFETY: `argv` points to `argc` NUL-terminated strings that outlive the call, which does
        // not write to them; the signature is chdb.h's.
        let result = unsafe {
            let run = self.library.get::<QueryCmdline>(b"chdb_query_cmdline\0")?;
            run(count, pointers.as_mut_ptr())
        };
        match self.error_of(result)? {
            Some(message) if !message.contains("QUERY_WAS_CANCELLED") => anyhow::bail!(message),
            _ => Ok(()),
        }
    }

    fn error_of(&self, result: *mut c_void) -> anyhow::Result<Option<String>> {
        anyhow::ensure!(!result.is_null(), "the engine returned nothing");
        // SAFETY: `result` is the engine's own, not yet destroyed; the message lives as long as it.
        let message = unsafe {
            let error = self.library.get::<ResultError>(b"chdb_result_error\0")?(result);
            (!error.is_null()).then(|| CStr::from_ptr(error).to_string_lossy().into_owned())
        };
        Ok(message.filter(|text| !text.is_empty()))
    }
}
