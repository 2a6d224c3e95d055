//! A safe wrapper of libexatlas, which rents, watches and gives back cloud GPUs.
//!
//! Parameters and results are JSON texts, as docs/methods.md describes them; use the JSON library
//! of your choice for them. Durations end in `_ms`, money is USD, times are RFC 3339 UTC.
//!
//! ```no_run
//! # fn main() -> Result<(), exatlas::Error> {
//! let client = exatlas::Client::open(r#"{"default_provider":"runpod"}"#)?;
//! let machine = client.call("compute.spawn", r#"{"gpu":"rtx_4090","image":"ghcr.io/me/server:1"}"#)?;
//! # let _ = machine; Ok(()) }
//! ```

mod error;
mod ffi;
mod json;

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};
use std::ptr;
use std::time::Duration;

pub use error::{Error, Status};

/// Version of the library that is loaded.
pub fn version() -> &'static str {
    // SAFETY: a static text, never NULL.
    unsafe { CStr::from_ptr(ffi::atlas_version()) }.to_str().unwrap_or_default()
}

/// A client. All its methods may be called from any thread at any time. Dropping it cancels what
/// is in flight and waits for that, at most five seconds.
#[derive(Debug)]
pub struct Client {
    handle: u64,
}

/// A document of the library's, freed once when dropped.
struct Document {
    start: *mut c_char,
    size: usize,
}

impl Document {
    fn none() -> Document {
        Document { start: ptr::null_mut(), size: 0 }
    }

    fn text(&self) -> Option<&str> {
        if self.start.is_null() {
            return None;
        }
        // SAFETY: the library wrote size bytes of UTF-8 there, which are this document's alone.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.start.cast(), self.size) }).ok()
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        // SAFETY: NULL, or memory of the library's that is freed nowhere else.
        unsafe { ffi::atlas_free(self.start.cast()) }
    }
}

impl Client {
    /// Opens a client with a configuration, a JSON object as docs/configuration.md describes it.
    ///
    /// # Errors
    /// Kind `validation` names the mistake; status `VERSION` says that the library speaks another
    /// version of the interface.
    pub fn open(config: &str) -> Result<Client, Error> {
        // SAFETY: no argument.
        if unsafe { ffi::atlas_abi_version() } != ffi::ABI_VERSION {
            return Err(Error::new(Status::VERSION.0, None));
        }
        let (mut handle, mut document) = (0u64, Document::none());
        // SAFETY: config is only read; the out parameters live until the call returns.
        let status = unsafe { ffi::atlas_open(config.as_ptr().cast(), config.len(), &mut handle, &mut document.start, &mut document.size) };
        if status == 0 {
            Ok(Client { handle })
        } else {
            Err(Error::new(status, document.text()))
        }
    }

    /// Carries out a method and returns its result as JSON. Blocks this thread alone.
    ///
    /// # Errors
    /// As docs/methods.md tells for each method.
    pub fn call(&self, method: &str, params: &str) -> Result<String, Error> {
        result(self.request(&envelope("", method, params, None)))
    }

    /// As `call`, with a deadline for the whole call, a day at most: status `TIMEOUT` when it passes.
    ///
    /// # Errors
    /// As `call`.
    pub fn call_within(&self, method: &str, params: &str, deadline: Duration) -> Result<String, Error> {
        result(self.request(&envelope("", method, params, Some(deadline))))
    }

    /// Carries out one request of `include/atlas.h` and returns the status and the answer as they
    /// are.
    pub fn request(&self, request: &str) -> (Status, Option<String>) {
        let mut answer = Document::none();
        // SAFETY: as in open.
        let status = unsafe { ffi::atlas_call(self.handle, request.as_ptr().cast(), request.len(), &mut answer.start, &mut answer.size) };
        (Status(status), answer.text().map(str::to_owned))
    }

    /// Starts a method and returns at once. Its completion, with this id, comes out of `next`.
    ///
    /// # Errors
    /// Status `BUSY` when the id is in flight already; kind `validation` for a malformed request.
    pub fn submit(&self, id: &str, method: &str, params: &str) -> Result<(), Error> {
        let request = envelope(id, method, params, None);
        let mut document = Document::none();
        // SAFETY: as in open.
        let status = unsafe { ffi::atlas_submit(self.handle, request.as_ptr().cast(), request.len(), &mut document.start, &mut document.size) };
        checked(status, document.text())
    }

    /// Cancels the call in flight with that id. One that has finished is left alone.
    ///
    /// # Errors
    /// Status `CLOSED`, or 10 for an empty id.
    pub fn cancel(&self, id: &str) -> Result<(), Error> {
        // SAFETY: id is only read.
        checked(unsafe { ffi::atlas_cancel(self.handle, id.as_ptr().cast(), id.len()) }, None)
    }

    /// Takes the next completion or event, as JSON; `None` when nothing came in that time. Without
    /// a time it waits until something comes.
    ///
    /// # Errors
    /// Status `CLOSED`.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<String>, Error> {
        let wait = timeout.map_or(-1, |t| i64::try_from(t.as_millis()).unwrap_or(i64::MAX));
        let mut item = Document::none();
        // SAFETY: as in open.
        let status = unsafe { ffi::atlas_next(self.handle, wait, &mut item.start, &mut item.size) };
        if status == Status::TIMEOUT.0 {
            return Ok(None);
        }
        checked(status, item.text())?;
        Ok(item.text().map(str::to_owned))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: a handle of this process; closing is safe at any time.
        let _ = unsafe { ffi::atlas_close(self.handle, -1) };
    }
}

fn checked(status: c_int, document: Option<&str>) -> Result<(), Error> {
    if status == 0 {
        Ok(())
    } else {
        Err(Error::new(status, document))
    }
}

fn result((status, answer): (Status, Option<String>)) -> Result<String, Error> {
    checked(status.0, answer.as_deref())?;
    Ok(answer.as_deref().and_then(|text| json::member(text, "result")).unwrap_or("null").to_owned())
}

fn envelope(id: &str, method: &str, params: &str, deadline: Option<Duration>) -> String {
    let mut out = format!("{{\"method\":{},\"params\":{}", json::quoted(method), params);
    if !id.is_empty() {
        out.push_str(&format!(",\"id\":{}", json::quoted(id)));
    }
    if let Some(limit) = deadline {
        out.push_str(&format!(",\"deadline_ms\":{}", limit.as_millis().max(1)));
    }
    out.push('}');
    out
}
