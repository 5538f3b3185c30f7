//! Reads and writes a guest's memory at addresses that the guest names, which can be any.

use wasmtime::Result;

pub(crate) fn bytes(memory: &[u8], at: u32, len: u32) -> Result<&[u8]> {
    memory.get(at as usize..).and_then(|rest| rest.get(..len as usize)).ok_or_else(outside)
}

pub(crate) fn bytes_mut(memory: &mut [u8], at: u32, len: u32) -> Result<&mut [u8]> {
    memory.get_mut(at as usize..).and_then(|rest| rest.get_mut(..len as usize)).ok_or_else(outside)
}

/// The text number `index` of a table of addresses and lengths; `None` where the address is null.
pub(crate) fn text_in_table(memory: &[u8], table: u32, index: u32) -> Result<Option<String>> {
    let word = |index: u32| {
        let bytes = bytes(memory, table.saturating_add(4 * index), 4)?;
        Ok::<_, wasmtime::Error>(bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    };
    match (word(2 * index)?, word(2 * index + 1)?) {
        (0, _) => Ok(None),
        (at, len) => Ok(Some(String::from_utf8_lossy(bytes(memory, at, len)?).into_owned())),
    }
}

fn outside() -> wasmtime::Error {
    wasmtime::format_err!("the guest gave an address outside of its memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_of_the_guest_reaches_outside() {
        let mut memory = vec![0; 64];
        memory[8..16].copy_from_slice(&[20, 0, 0, 0, 2, 0, 0, 0]);
        memory[16..20].copy_from_slice(&[0xff; 4]);
        memory[20..22].copy_from_slice(b"ok");
        assert_eq!(text_in_table(&memory, 8, 0).expect("inside").as_deref(), Some("ok"));
        assert_eq!(text_in_table(&memory, 0, 0).expect("inside"), None);
        for (at, len) in [(64, 1), (0, 65), (u32::MAX, 1), (1, u32::MAX)] {
            assert!(bytes(&memory, at, len).is_err(), "{at} {len}");
            assert!(bytes_mut(&mut memory, at, len).is_err(), "{at} {len}");
        }
        assert!(text_in_table(&memory, 16, 0).is_err(), "an address beyond the end");
        assert!(text_in_table(&memory, u32::MAX, u32::MAX / 8).is_err(), "a table beyond the end");
    }
}
