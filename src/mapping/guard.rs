//! Copies of mapped memory that survive SIGBUS. An access to a mapping raises SIGBUS when the
//! file was truncated, or its disk is full or fails. Here the signal ends the copy instead of
//! the process. Recovery is left to `transfer`.
//!
//! The copy routines are assembly that keeps all state in registers. If the program counter
//! at the signal is in one of them, the handler makes the routine return at once, with the
//! number of words not copied. Any other SIGBUS gets its previous disposition. On systems
//! other than Linux and macOS, and on processors other than x86-64 and AArch64, the routines
//! are plain Rust and a fault ends the process.

/// Copies `count` words of `width` bytes (1, 2, 4, 8, 16 or 64) from `src` to `dst`, which
/// advance by `src_step` and `dst_step` bytes a word. Returns the number of words not copied
/// because of a fault; 0 without one.
///
/// A word of up to 8 bytes takes one load and one store, which are atomic if the address is
/// aligned. Of a wider word each aligned 8 bytes are atomic, since no processor splits an
/// aligned vector further.
///
/// # Safety
///
/// All words at `src` lie in private memory or in one mapping, whether its file backs them or
/// not. So do those at `dst`, which is writable. No reference to them is used meanwhile.
/// [`install`] has been called if one side is a mapping.
pub(super) unsafe fn move_words(
    width: usize,
    dst: *mut u8,
    src: *const u8,
    (dst_step, src_step): (isize, isize),
    count: usize,
) -> usize {
    let (by_four, one_by_one): (Routine, Routine) = match width {
        64 => (routines::move_64, routines::move_64),
        16 => (routines::move_16_by_4, routines::move_16),
        8 => (routines::move_8_by_4, routines::move_8),
        4 => (routines::move_4_by_4, routines::move_4),
        2 => (routines::move_2_by_4, routines::move_2),
        _ => (routines::move_1_by_4, routines::move_1),
    };
    // SAFETY: the routines access only the words that the caller's contract covers.
    unsafe {
        let left = by_four(dst, src, dst_step, src_step, count);
        // The rest: fewer than four words, or all from the first fault on.
        let done = (count - left) as isize;
        let (dst, src) = (
            dst.wrapping_offset(done * dst_step),
            src.wrapping_offset(done * src_step),
        );
        one_by_one(dst, src, dst_step, src_step, left)
    }
}

/// Makes the pages of `count` bytes, `step` bytes apart from `at` on, writable without
/// changing them. Returns the number of bytes not processed because of a fault; 0 without one.
/// Each byte is stored unchanged by one atomic read-modify-write, so that no store of another
/// process is lost. A no-op on systems where the routines are plain Rust.
///
/// # Safety
///
/// As for the bytes that [`move_words`] stores to.
pub(super) unsafe fn touch(at: *mut u8, step: isize, count: usize) -> usize {
    // SAFETY: the routine accesses only the bytes that the caller's contract covers.
    unsafe { routines::touch(at, at, step, step, count) }
}

/// Copies words as [`move_words`] does. A routine that copies four at a time leaves a rest of
/// fewer than four.
type Routine = unsafe extern "C" fn(*mut u8, *const u8, isize, isize, usize) -> usize;

pub(super) use routines::install;

#[cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod registers;

#[cfg(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod routines {
    use std::ffi::{c_int, c_void};
    use std::io;
    use std::mem::MaybeUninit;
    use std::sync::OnceLock;

    use super::registers::{execution, return_now};

    // On macOS the linker may reorder a section's content, so its bounds are linker symbols.
    unsafe extern "C" {
        #[cfg_attr(
            target_os = "macos",
            link_name = "\x01section$start$__TEXT$__arrayfs_moves"
        )]
        static arrayfs_moves_begin: u8;
        #[cfg_attr(
            target_os = "macos",
            link_name = "\x01section$end$__TEXT$__arrayfs_moves"
        )]
        static arrayfs_moves_end: u8;
    }

    /// Declares routines by their symbols.
    macro_rules! declare {
        ($($name:ident: $symbol:literal,)*) => {
            unsafe extern "C" {
                $(#[link_name = $symbol]
                pub(super) fn $name(
                    dst: *mut u8,
                    src: *const u8,
                    dst_step: isize,
                    src_step: isize,
                    count: usize,
                ) -> usize;)*
            }
        };
    }

    declare! {
        move_1: "arrayfs_move_1",
        move_2: "arrayfs_move_2",
        move_4: "arrayfs_move_4",
        move_8: "arrayfs_move_8",
        move_1_by_4: "arrayfs_move_1_by_4",
        move_2_by_4: "arrayfs_move_2_by_4",
        move_4_by_4: "arrayfs_move_4_by_4",
        move_8_by_4: "arrayfs_move_8_by_4",
        move_16: "arrayfs_move_16",
        move_16_by_4: "arrayfs_move_16_by_4",
        move_64: "arrayfs_move_64",
        touch: "arrayfs_touch",
    }

    /// Starts the section of the routines.
    #[cfg(target_os = "linux")]
    macro_rules! section {
        () => {
            // `%progbits` rather than `@progbits`: ARM's assembler takes @ for a comment.
            ".pushsection .text.arrayfs_moves, \"ax\", %progbits"
        };
    }
    #[cfg(target_os = "macos")]
    macro_rules! section {
        () => {
            ".pushsection __TEXT,__arrayfs_moves,regular,pure_instructions"
        };
    }

    /// Defines a symbol with hidden visibility.
    #[cfg(target_os = "linux")]
    macro_rules! symbol {
        ($name:literal) => {
            concat!(".hidden ", $name, "\n.globl ", $name, "\n", $name, ":\n")
        };
    }
    #[cfg(target_os = "macos")]
    macro_rules! symbol {
        ($name:literal) => {
            concat!(
                ".private_extern _",
                $name,
                "\n.globl _",
                $name,
                "\n_",
                $name,
                ":\n"
            )
        };
    }

    // Arguments: rdi dst, rsi src, rdx dst_step, rcx src_step, r8 count. At every memory
    // access rax, the return register, holds the number of words left and nothing is on the
    // stack. So the handler can return from any access.
    #[cfg(target_arch = "x86_64")]
    macro_rules! routine {
        ($name:literal, $moves:literal) => {
            concat!(
                ".balign 16\n",
                symbol!($name),
                "mov rax, r8\n",
                "test rax, rax\n",
                "jz 3f\n",
                ".balign 16\n",
                "2:",
                $moves,
                "\n",
                "add rsi, rcx\n",
                "add rdi, rdx\n",
                "dec rax\n",
                "jnz 2b\n",
                "3: ret\n",
            )
        };
    }

    // The same for four words at a time, which keeps more cache misses in flight. Each word
    // is counted when it is stored, so that none is stored twice after a fault.
    #[cfg(target_arch = "x86_64")]
    macro_rules! routine_by_4 {
        ($name:literal, $move:literal, $word:literal) => {
            concat!(
                ".balign 16\n",
                symbol!($name),
                "mov rax, r8\n",
                "lea r10, [rcx + rcx * 2]\n",
                "lea r11, [rdx + rdx * 2]\n",
                "cmp rax, 4\n",
                "jb 3f\n",
                ".balign 16\n",
                "2: ",
                $move,
                " ",
                $word,
                ", [rsi]; ",
                $move,
                " [rdi], ",
                $word,
                "; dec rax\n",
                $move,
                " ",
                $word,
                ", [rsi + rcx]; ",
                $move,
                " [rdi + rdx], ",
                $word,
                "; dec rax\n",
                $move,
                " ",
                $word,
                ", [rsi + rcx * 2]; ",
                $move,
                " [rdi + rdx * 2], ",
                $word,
                "; dec rax\n",
                $move,
                " ",
                $word,
                ", [rsi + r10]; ",
                $move,
                " [rdi + r11], ",
                $word,
                "; dec rax\n",
                "lea rsi, [rsi + rcx * 4]\n",
                "lea rdi, [rdi + rdx * 4]\n",
                "cmp rax, 4\n",
                "jae 2b\n",
                "3: ret\n",
            )
        };
    }

    #[cfg(target_arch = "x86_64")]
    std::arch::global_asm!(
        section!(),
        symbol!("arrayfs_moves_begin"),
        routine!("arrayfs_move_1", "mov r9b, [rsi]; mov [rdi], r9b"),
        routine!("arrayfs_move_2", "mov r9w, [rsi]; mov [rdi], r9w"),
        routine!("arrayfs_move_4", "mov r9d, [rsi]; mov [rdi], r9d"),
        routine!("arrayfs_move_8", "mov r9, [rsi]; mov [rdi], r9"),
        routine_by_4!("arrayfs_move_1_by_4", "mov", "r9b"),
        routine_by_4!("arrayfs_move_2_by_4", "mov", "r9w"),
        routine_by_4!("arrayfs_move_4_by_4", "mov", "r9d"),
        routine_by_4!("arrayfs_move_8_by_4", "mov", "r9"),
        routine!("arrayfs_move_16", "movups xmm0, [rsi]; movups [rdi], xmm0"),
        routine_by_4!("arrayfs_move_16_by_4", "movups", "xmm0"),
        // The hardware prefetcher does not follow large strides.
        routine!(
            "arrayfs_move_64",
            "prefetcht0 [rsi + rcx * 8]; \
             movups xmm0, [rsi]; movups xmm1, [rsi + 16]; \
             movups xmm2, [rsi + 32]; movups xmm3, [rsi + 48]; \
             movups [rdi], xmm0; movups [rdi + 16], xmm1; \
             movups [rdi + 32], xmm2; movups [rdi + 48], xmm3"
        ),
        // A locked instruction waits for earlier accesses; a prefetch does not.
        routine!(
            "arrayfs_touch",
            "prefetchw [rdi + rdx * 8]; lock or byte ptr [rdi], 0"
        ),
        symbol!("arrayfs_moves_end"),
        ".popsection",
    );

    // Arguments: x0 dst, x1 src, x2 dst_step, x3 src_step, x4 count. At every memory access
    // x4 holds the number of words left; it moves to x0 at the end. Lines are separated by
    // newlines, since macOS's assembler takes a semicolon for a comment.
    #[cfg(target_arch = "aarch64")]
    macro_rules! routine {
        ($name:literal, $moves:literal) => {
            concat!(
                ".balign 16\n",
                symbol!($name),
                "cbz x4, 3f\n",
                "2:",
                $moves,
                "\n",
                "add x1, x1, x3\n",
                "add x0, x0, x2\n",
                "sub x4, x4, #1\n",
                "cbnz x4, 2b\n",
                "3: mov x0, x4\n",
                "ret\n",
            )
        };
    }

    // The same for four words at a time.
    #[cfg(target_arch = "aarch64")]
    macro_rules! routine_by_4 {
        ($name:literal, $move:literal) => {
            concat!(
                ".balign 16\n",
                symbol!($name),
                "cmp x4, #4\n",
                "b.lo 3f\n",
                "2:",
                $move,
                "\nadd x1, x1, x3\nadd x0, x0, x2\nsub x4, x4, #1\n",
                $move,
                "\nadd x1, x1, x3\nadd x0, x0, x2\nsub x4, x4, #1\n",
                $move,
                "\nadd x1, x1, x3\nadd x0, x0, x2\nsub x4, x4, #1\n",
                $move,
                "\nadd x1, x1, x3\nadd x0, x0, x2\nsub x4, x4, #1\n",
                "cmp x4, #4\n",
                "b.hs 2b\n",
                "3: mov x0, x4\n",
                "ret\n",
            )
        };
    }

    #[cfg(target_arch = "aarch64")]
    std::arch::global_asm!(
        section!(),
        symbol!("arrayfs_moves_begin"),
        routine!("arrayfs_move_1", "ldrb w9, [x1]\nstrb w9, [x0]"),
        routine!("arrayfs_move_2", "ldrh w9, [x1]\nstrh w9, [x0]"),
        routine!("arrayfs_move_4", "ldr w9, [x1]\nstr w9, [x0]"),
        routine!("arrayfs_move_8", "ldr x9, [x1]\nstr x9, [x0]"),
        routine_by_4!("arrayfs_move_1_by_4", "ldrb w9, [x1]\nstrb w9, [x0]"),
        routine_by_4!("arrayfs_move_2_by_4", "ldrh w9, [x1]\nstrh w9, [x0]"),
        routine_by_4!("arrayfs_move_4_by_4", "ldr w9, [x1]\nstr w9, [x0]"),
        routine_by_4!("arrayfs_move_8_by_4", "ldr x9, [x1]\nstr x9, [x0]"),
        routine!("arrayfs_move_16", "ldp x9, x10, [x1]\nstp x9, x10, [x0]"),
        routine_by_4!(
            "arrayfs_move_16_by_4",
            "ldp x9, x10, [x1]\nstp x9, x10, [x0]"
        ),
        routine!(
            "arrayfs_move_64",
            "ldp x9, x10, [x1]\nldp x11, x12, [x1, #16]\n\
             ldp x13, x14, [x1, #32]\nldp x15, x16, [x1, #48]\n\
             stp x9, x10, [x0]\nstp x11, x12, [x0, #16]\n\
             stp x13, x14, [x0, #32]\nstp x15, x16, [x0, #48]"
        ),
        routine!(
            "arrayfs_touch",
            "4: ldxrb w9, [x0]\nstxrb w10, w9, [x0]\ncbnz w10, 4b"
        ),
        symbol!("arrayfs_moves_end"),
        ".popsection",
    );

    /// The disposition of SIGBUS before [`install`].
    static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

    /// Installs the SIGBUS handler for the routines. Further calls are no-ops.
    ///
    /// # Errors
    ///
    /// When `sigaction` fails.
    pub(in super::super) fn install() -> io::Result<()> {
        let mut failed = None;
        PREVIOUS.get_or_init(|| {
            let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: all zeros is a valid `sigaction`. The handler has the signature that
            // SA_SIGINFO requires and calls only async-signal-safe functions. Both pointers
            // live for the call.
            unsafe {
                let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
                action.sa_sigaction = on_sigbus as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                if libc::sigaction(libc::SIGBUS, &action, previous.as_mut_ptr()) != 0 {
                    failed = Some(io::Error::last_os_error());
                }
                previous.assume_init()
            }
        });
        failed.map_or(Ok(()), Err)
    }

    extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // macOS sets BUS_ADRALN also for a signal that was sent (sendsig in unix_signal.c of XNU).
        // SAFETY: the kernel passes a valid `siginfo_t`.
        if cfg!(target_os = "linux") && unsafe { (*info).si_code } <= 0 {
            // Sent by a process, not raised by an access: end the process.
            // SAFETY: both are async-signal-safe; the signal stays blocked until this returns.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            return;
        }
        // SAFETY: the kernel passes the valid context of the interrupted thread, and resumes
        // the thread with the changes made here.
        let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
        let moves = (&raw const arrayfs_moves_begin).addr()..(&raw const arrayfs_moves_end).addr();
        if moves.contains(&execution(context)) {
            // SAFETY: the thread was in a routine, which pushes nothing.
            unsafe { return_now(context) };
        } else if let Some(previous) = PREVIOUS.get() {
            // Another access: it is repeated and gets the previous disposition.
            // SAFETY: `previous` was returned by `sigaction` for this signal.
            unsafe { libc::sigaction(signal, previous, std::ptr::null_mut()) };
        }
    }
}

#[cfg(not(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod routines {
    use std::io;

    macro_rules! routine {
        ($name:ident, $word:ty) => {
            pub(super) unsafe extern "C" fn $name(
                dst: *mut u8,
                src: *const u8,
                dst_step: isize,
                src_step: isize,
                count: usize,
            ) -> usize {
                for k in 0..count as isize {
                    let dst = dst.wrapping_offset(k * dst_step).cast::<$word>();
                    let src = src.wrapping_offset(k * src_step).cast::<$word>();
                    // SAFETY: word `k` of either side is valid by the caller's contract. Packed,
                    // so that no alignment is assumed; volatile, so that each word is accessed
                    // once.
                    unsafe { dst.write_volatile(src.read_volatile()) };
                }
                0
            }
        };
    }

    #[derive(Clone, Copy)]
    #[repr(C, packed)]
    #[allow(dead_code)]
    pub(super) struct Packed<T>(T);

    routine!(move_1, Packed<u8>);
    routine!(move_2, Packed<u16>);
    routine!(move_4, Packed<u32>);
    routine!(move_8, Packed<u64>);
    routine!(move_1_by_4, Packed<u8>);
    routine!(move_2_by_4, Packed<u16>);
    routine!(move_4_by_4, Packed<u32>);
    routine!(move_8_by_4, Packed<u64>);
    routine!(move_16, Packed<[u64; 2]>);
    routine!(move_16_by_4, Packed<[u64; 2]>);
    routine!(move_64, Packed<[u64; 8]>);

    pub(super) unsafe fn touch(_: *mut u8, _: *const u8, _: isize, _: isize, _: usize) -> usize {
        0
    }

    /// A no-op: there is no handler on this system.
    ///
    /// # Errors
    ///
    /// Never.
    pub(in super::super) fn install() -> io::Result<()> {
        Ok(())
    }
}
