//! C: the file is mapped, and a pointer to arrays of the right lengths gives
//! `a[i][j]` its meaning.

use super::reading::{Element, Language, Reading, Section, backslashed};

pub(super) const LANGUAGE: Language = Language {
    name: "C",
    records: false,
    empty: false,
    write,
};

/// How an element is declared and shown.
struct Declared {
    /// The type of its numbers.
    number: &'static str,
    /// The type that is declared, and the numbers of one element, if they are an array.
    stored: &'static str,
    count: Option<u64>,
    /// Lines that print the element `{}`.
    print: String,
}

fn write(reading: &Reading) -> Section {
    let swapped = reading.swapped();
    let declared = declared(reading.element(), swapped);
    let Declared { number, stored, .. } = declared;
    let (pointer, last) = places(reading, declared.count);
    let path = backslashed(&reading.path("data"), "\"");
    let nbytes = reading.nbytes();
    let print: String = declared
        .print
        .replace("{}", &last)
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    let complex = if stored.contains("_Complex") {
        "#include <complex.h>\n"
    } else {
        ""
    };
    let (string, value) = if swapped {
        let reversed = reversed(number, number_size(reading.element()));
        ("#include <string.h>\n", reversed)
    } else {
        ("", String::new())
    };
    let code = format!(
        "{complex}#include <fcntl.h>\n\
         #include <stdint.h>\n\
         #include <stdio.h>\n\
         {string}#include <sys/mman.h>\n\
         \n\
         {value}int main(void)\n\
         {{\n    \
             int fd = open(\"{path}\", O_RDONLY);\n    \
             const {stored} {pointer} = mmap(NULL, {nbytes}, PROT_READ, MAP_SHARED, fd, 0);\n    \
             if (a == MAP_FAILED) {{ perror(\"a\"); return 1; }}\n\
         {print}\
         }}\n"
    );
    let note = match reading.element() {
        Element::Float(2) => "_Float16 is known to GCC from 12 and Clang from 15 on.",
        Element::Float(16) | Element::Complex(16) => {
            "long double is what NumPy's longdouble is on the same machine."
        }
        Element::Text(_) => "Strings are arrays of code points.",
        _ => "",
    };
    let note = note.to_owned();
    Section { note, code }
}

/// The declaration of `a` behind its type, and the place of the last element.
fn places(reading: &Reading, count: Option<u64>) -> (String, String) {
    let brackets = |lengths: &[u64]| -> String {
        let each = lengths.iter().map(|length| format!("[{length}]"));
        each.collect()
    };
    let lengths: Vec<u64> = reading.shape().iter().chain(&count).copied().collect();
    let inner = brackets(&lengths[usize::from(reading.ndim() > 0)..]);
    let pointer = if inner.is_empty() {
        "*a".to_owned()
    } else {
        format!("(*a){inner}")
    };
    let last = match (reading.ndim(), count) {
        (0, None) => "*a".to_owned(),
        (0, Some(_)) => "(*a)".to_owned(),
        _ => format!("a{}", brackets(&reading.last())),
    };
    (pointer, last)
}

fn declared(element: Element, swapped: bool) -> Declared {
    let (number, complex, format, cast) = number(element);
    let value = |place: &str| {
        if swapped {
            format!("value(&{place})")
        } else {
            place.to_owned()
        }
    };
    let (stored, count, print) = match element {
        Element::Complex(size) if !swapped => {
            let part = if size == 16 { "l" } else { "" };
            let arguments = format!("creal{part}({{}}), cimag{part}({{}})");
            (
                complex,
                None,
                format!("printf(\"{format}\\n\", {arguments});"),
            )
        }
        Element::Complex(_) => {
            let arguments = format!("{}, {}", value("{}[0]"), value("{}[1]"));
            (
                number,
                Some(2),
                format!("printf(\"{format}\\n\", {arguments});"),
            )
        }
        Element::Bytes(length) => {
            let print = format!("printf(\"{format}\\n\", {length}, {{}});");
            (number, Some(length), print)
        }
        Element::Text(length) | Element::Opaque(length) => {
            let (each, cast) = match element {
                Element::Text(_) => ("U+%04lX ", "(unsigned long)"),
                _ => ("%02x", ""),
            };
            let print = format!(
                "for (int k = 0; k < {length}; k++) printf(\"{each}\", {cast}{});\nputchar('\\n');",
                value("{}[k]")
            );
            (number, Some(length), print)
        }
        _ => {
            let print = format!("printf(\"{format}\\n\", {cast}{});", value("{}"));
            (number, None, print)
        }
    };
    Declared {
        number,
        stored,
        count,
        print,
    }
}

/// The type of the numbers, that of two if they are complex, and how `printf`
/// is told of them.
fn number(element: Element) -> (&'static str, &'static str, &'static str, &'static str) {
    match element {
        Element::Bool => ("_Bool", "", "%d", ""),
        Element::Int(1) => ("int8_t", "", "%d", ""),
        Element::Int(2) => ("int16_t", "", "%d", ""),
        Element::Int(4) => ("int32_t", "", "%ld", "(long)"),
        Element::Int(_) => ("int64_t", "", "%lld", "(long long)"),
        Element::UInt(1) | Element::Opaque(_) => ("uint8_t", "", "%u", ""),
        Element::UInt(2) => ("uint16_t", "", "%u", ""),
        Element::UInt(4) | Element::Text(_) => ("uint32_t", "", "%lu", "(unsigned long)"),
        Element::UInt(_) => ("uint64_t", "", "%llu", "(unsigned long long)"),
        Element::Float(2) => ("_Float16", "", "%g", "(double)"),
        Element::Float(4) => ("float", "", "%g", ""),
        Element::Float(8) => ("double", "", "%g", ""),
        Element::Float(_) => ("long double", "", "%Lg", ""),
        Element::Complex(4) => ("float", "float _Complex", "%g%+gi", ""),
        Element::Complex(8) => ("double", "double _Complex", "%g%+gi", ""),
        Element::Complex(_) => ("long double", "long double _Complex", "%Lg%+Lgi", ""),
        Element::Bytes(_) => ("char", "", "%.*s", ""),
    }
}

/// The bytes of one number.
fn number_size(element: Element) -> u64 {
    match element {
        Element::Int(size) | Element::UInt(size) => size,
        Element::Float(size) | Element::Complex(size) => size,
        Element::Text(_) => 4,
        Element::Bool | Element::Bytes(_) | Element::Opaque(_) => 1,
    }
}

/// A function that gives the number at a place where its bytes are reversed.
fn reversed(number: &str, size: u64) -> String {
    format!(
        "static {number} value(const {number} *place)\n\
         {{\n    \
             unsigned char bytes[{size}];\n    \
             {number} x;\n    \
             for (int k = 0; k < {size}; k++) bytes[k] = ((const unsigned char *)place)[{} - k];\n    \
             memcpy(&x, bytes, {size});\n    \
             return x;\n\
         }}\n\n",
        size - 1
    )
}
