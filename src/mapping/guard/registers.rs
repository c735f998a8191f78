//! The registers of a thread that SIGBUS has interrupted in a routine of the guard, as each
//! system and processor has them.

use libc::ucontext_t;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod system {
    pub(super) fn execution(context: &super::ucontext_t) -> usize {
        context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
    }

    pub(super) unsafe fn return_now(context: &mut super::ucontext_t) {
        let registers = &mut context.uc_mcontext.gregs;
        let stack = registers[libc::REG_RSP as usize];
        // SAFETY: nothing is pushed, so the return address is on top.
        registers[libc::REG_RIP as usize] = unsafe { *(stack as *const i64) };
        registers[libc::REG_RSP as usize] = stack + 8;
    }
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod system {
    pub(super) fn execution(context: &super::ucontext_t) -> usize {
        context.uc_mcontext.pc as usize
    }

    pub(super) unsafe fn return_now(context: &mut super::ucontext_t) {
        let registers = &mut context.uc_mcontext;
        registers.regs[0] = registers.regs[4];
        registers.pc = registers.regs[30];
    }
}

// The context of macOS points to the registers, which are there for as long as it is.

#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
mod system {
    pub(super) fn execution(context: &super::ucontext_t) -> usize {
        // SAFETY: see above.
        unsafe { (*context.uc_mcontext).__ss.__rip as usize }
    }

    pub(super) unsafe fn return_now(context: &mut super::ucontext_t) {
        // SAFETY: see above; nobody else has them.
        let registers = unsafe { &mut (*context.uc_mcontext).__ss };
        // SAFETY: nothing is pushed, so the return address is on top.
        registers.__rip = unsafe { *(registers.__rsp as *const u64) };
        registers.__rsp += 8;
    }
}

#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
mod system {
    pub(super) fn execution(context: &super::ucontext_t) -> usize {
        // SAFETY: see above.
        unsafe { (*context.uc_mcontext).__ss.__pc as usize }
    }

    pub(super) unsafe fn return_now(context: &mut super::ucontext_t) {
        // SAFETY: see above; nobody else has them.
        let registers = unsafe { &mut (*context.uc_mcontext).__ss };
        registers.__x[0] = registers.__x[4];
        registers.__pc = registers.__lr;
    }
}

/// The address that the thread was executing.
pub(super) fn execution(context: &ucontext_t) -> usize {
    system::execution(context)
}

/// Lets the interrupted routine return what it has in its counter.
///
/// # Safety
///
/// The context is that of a routine of the guard, where it accesses memory.
pub(super) unsafe fn return_now(context: &mut ucontext_t) {
    // SAFETY: by the caller's contract.
    unsafe { system::return_now(context) }
}

#[cfg(test)]
mod tests {
    use crate::mapping::guard::{install, move_words, touch};

    #[test]
    fn a_move_ends_with_the_memory_that_is_there() {
        install().unwrap();
        // SAFETY: it only asks.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let file = tempfile::tempfile().unwrap();
        file.set_len(2 * page as u64).unwrap();
        let map = memmap2::MmapOptions::new()
            .len(2 * page)
            .map_raw(&file)
            .unwrap();
        file.set_len(page as u64).unwrap();
        for width in [1, 2, 4, 8, 16, 64] {
            let mut memory = vec![0; 10 * width];
            let memory = memory.as_mut_ptr();
            // Seven words are there.
            let mapped = map.as_mut_ptr().wrapping_add(page - 7 * width);
            let steps = (width as isize, width as isize);
            // SAFETY: ten words of memory of ours and of a mapping, which nobody else has.
            let (loads, stores) = unsafe {
                (
                    move_words(width, memory, mapped, steps, 10),
                    move_words(width, mapped, memory, steps, 10),
                )
            };
            assert_eq!((loads, stores), (3, 3), "{width}");
        }
        let mapped = map.as_mut_ptr().wrapping_add(page - 7);
        // SAFETY: as above.
        assert_eq!(unsafe { touch(mapped, 1, 10) }, 3);
    }
}
