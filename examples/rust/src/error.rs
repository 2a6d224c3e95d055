//! What can go wrong.
use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_int;

use crate::{ffi, json};

/// A status of the C interface, as `include/atlas.h` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(
    /// The number.
    pub i32,
);

impl Status {
    /// The document says why.
    pub const FAILED: Status = Status(1);
    /// The client is closed.
    pub const CLOSED: Status = Status(12);
    /// Too many calls in flight, or the id is in flight already.
    pub const BUSY: Status = Status(13);
    /// The request is larger than the limit.
    pub const TOO_LARGE: Status = Status(14);
    /// The system has no memory for the answer; the request may have been carried out.
    pub const NO_MEMORY: Status = Status(20);
    /// Used in a child of fork.
    pub const FORKED: Status = Status(21);
    /// The configuration asks for another version of the interface.
    pub const VERSION: Status = Status(22);
    /// Nothing came in time.
    pub const TIMEOUT: Status = Status(30);
    /// Cancelled, by `cancel` or by closing the client.
    pub const CANCELLED: Status = Status(31);

    /// The name in `include/atlas.h`, such as `ATLAS_TIMEOUT`.
    pub fn name(self) -> &'static str {
        // SAFETY: the library returns a static text for any number.
        unsafe { CStr::from_ptr(ffi::atlas_status_name(self.0)) }.to_str().unwrap_or("ATLAS_UNKNOWN")
    }
}

/// Why a call failed.
#[derive(Clone, Debug)]
pub struct Error {
    /// The status of the C function.
    pub status: Status,
    /// What a caller can do about it: `validation`, `capacity`, `timeout` and so on, as in
    /// docs/methods.md. Empty where there is no document.
    pub kind: String,
    /// What happened, for people.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// The whole error as JSON: provider, operation, retry_after_ms, details and so on. Empty
    /// where there is none.
    pub document: String,
}

impl Error {
    /// Reads the error of an answer.
    pub(crate) fn new(status: c_int, answer: Option<&str>) -> Error {
        let document = answer.and_then(|text| json::member(text, "error")).unwrap_or_default();
        let field = |name| json::member(document, name).map(json::text).unwrap_or_default();
        Error { status: Status(status), kind: field("kind"), message: field("message"), hint: field("hint"), document: document.to_owned() }
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        json::member(&self.document, "retryable") == Some("true")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind.is_empty() {
            return f.write_str(self.status.name());
        }
        write!(f, "{}: {}", self.kind, self.message)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
