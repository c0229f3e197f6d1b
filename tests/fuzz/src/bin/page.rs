#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| msx_exporter::target_pages::fuzzing::page(bytes));
