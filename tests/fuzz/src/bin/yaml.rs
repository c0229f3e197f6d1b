#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| msx_fuzz::load("msx_exporter.yml", bytes));
