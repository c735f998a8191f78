//! Access to the registers of a thread that SIGBUS interrupted in a copy routine, for each
//! supported system and processor. The handler itself is in `guard`.

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

// On macOS the context points to the registers, which live as long as the context.

#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
mod system {
    pub(super) fn execution(context: &super::ucontext_t) -> usize {
        // SAFETY: see above.
        unsafe { (*context.uc_mcontext).__ss.__rip as usize }
    }

    pub(super) unsafe fn return_now(context: &mut super::ucontext_t) {
        // SAFETY: see above; no other reference to them exists.
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
        // SAFETY: see above; no other reference to them exists.
        let registers = unsafe { &mut (*context.uc_mcontext).__ss };
        registers.__x[0] = registers.__x[4];
        registers.__pc = registers.__lr;
    }
}

/// The program counter of the interrupted thread.
pub(super) fn execution(context: &ucontext_t) -> usize {
    system::execution(context)
}

/// Makes the interrupted routine return its count of words left.
///
/// # Safety
///
/// The context is that of a thread in a copy routine, at a memory access.
pub(super) unsafe fn return_now(context: &mut ucontext_t) {
    // SAFETY: by the caller's contract.
    unsafe { system::return_now(context) }
}

#[cfg(test)]
mod tests {
    use crate::mapping::guard::{install, move_words, touch};

    #[test]
    fn a_fault_ends_the_copy_after_the_backed_words() {
        install().unwrap();
        // SAFETY: `sysconf` only returns a value.
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
            // Seven words lie before the end of the file.
            let mapped = map.as_mut_ptr().wrapping_add(page - 7 * width);
            let steps = (width as isize, width as isize);
            // SAFETY: ten words of private memory and of a mapping, which nothing else accesses.
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
