#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| msx_exporter::http::fuzzing::request(bytes));
