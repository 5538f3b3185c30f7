//! [`Guest`]: the functions and the memory of one instance of `guest/guest.c`, as the host calls them.

use wasmtime::{Global, Instance, Memory, Result, Store, TypedFunc, Val, bail};

use crate::{image::STACK_BYTES, memory::bytes_mut, sandbox::Sandbox};

/// The guest's side, `guest/guest.c`.
pub(crate) struct Guest {
    pub(crate) memory: Memory,
    stack: Global,
    alloc: TypedFunc<u32, u32>,
    pub(crate) run: TypedFunc<(u32, u32, u32, u32), i32>,
    pub(crate) deliver: TypedFunc<(u32, u32), i32>,
    pub(crate) thrown: TypedFunc<(), u32>,
}

impl Guest {
    pub(crate) fn of(store: &mut Store<Sandbox>, instance: &Instance) -> Result<Self> {
        let Some(memory) = instance.get_memory(&mut *store, "memory") else { bail!("the guest has no memory") };
        let Some(stack) = instance.get_global(&mut *store, "__stack_pointer") else { bail!("the guest has no stack") };
        store.data_mut().memory = Some(memory);
        Ok(Self {
            memory,
            stack,
            alloc: instance.get_typed_func(&mut *store, "alloc")?,
            run: instance.get_typed_func(&mut *store, "run")?,
            deliver: instance.get_typed_func(&mut *store, "deliver")?,
            thrown: instance.get_typed_func(&mut *store, "thrown")?,
        })
    }

    /// Copies a text into the guest's memory, with a NUL at its end, and returns where it is and how long without that.
    pub(crate) fn text(&self, store: &mut Store<Sandbox>, text: &str) -> Result<(u32, u32)> {
        let Some(size) = u32::try_from(text.len()).ok().and_then(|len| len.checked_add(1)) else {
            store.data_mut().exhausted = true;
            bail!("a text of {} bytes does not fit", text.len());
        };
        let at = self.alloc.call(&mut *store, size)?;
        let room = bytes_mut(self.memory.data_mut(&mut *store), at, size)?;
        room[..text.len()].copy_from_slice(text.as_bytes());
        room[text.len()] = 0;
        Ok((at, size - 1))
    }

    /// Whether the guest has used up its own stack, once it has trapped. The stack is at the bottom of memory and grows
    /// down, so its end is address 0; a function that calls no other writes below the pointer without moving it.
    pub(crate) fn stack_is_used_up(&self, store: &mut Store<Sandbox>) -> bool {
        match self.stack.get(store) {
            Val::I32(pointer) => !(LEAF_BYTES..=STACK_BYTES as u32).contains(&(pointer as u32)),
            _ => false,
        }
    }
}

/// More than the frame of a function that calls no other.
const LEAF_BYTES: u32 = 8 << 10;
