#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fedxdr_core::fuzzing::run("plain_rows", data));
