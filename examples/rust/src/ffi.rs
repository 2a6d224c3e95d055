//! include/atlas.h, declaration by declaration.
use std::os::raw::{c_char, c_int, c_void};

pub const ABI_VERSION: c_int = 1;

extern "C" {
    pub fn atlas_abi_version() -> c_int;
    pub fn atlas_version() -> *const c_char;
    pub fn atlas_status_name(status: c_int) -> *const c_char;
    pub fn atlas_free(memory: *mut c_void);
    pub fn atlas_open(config: *const c_char, config_len: usize, client_out: *mut u64, document_out: *mut *mut c_char, document_len_out: *mut usize) -> c_int;
    pub fn atlas_close(client: u64, timeout_ms: i64) -> c_int;
    pub fn atlas_call(client: u64, request: *const c_char, request_len: usize, answer_out: *mut *mut c_char, answer_len_out: *mut usize) -> c_int;
    pub fn atlas_submit(client: u64, request: *const c_char, request_len: usize, document_out: *mut *mut c_char, document_len_out: *mut usize) -> c_int;
    pub fn atlas_cancel(client: u64, id: *const c_char, id_len: usize) -> c_int;
    pub fn atlas_next(client: u64, timeout_ms: i64, item_out: *mut *mut c_char, item_len_out: *mut usize) -> c_int;
}
