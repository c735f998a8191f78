//! The text of `index.html`: one page without any other file or address, which shows the arrays
//! of the mount in a browser. Its parts are files in `page/`. They read the mount as any program
//! does, so nothing here depends on an array.

/// The page.
pub(super) const PAGE: &str = concat!(
    include_str!("page/head.html"),
    "<style>\n",
    include_str!("page/style.css"),
    "</style>\n",
    include_str!("page/body.html"),
    "<script>\n'use strict';\n\n",
    include_str!("page/elements.js"),
    "\n",
    include_str!("page/files.js"),
    "\n",
    include_str!("page/controls.js"),
    "\n",
    include_str!("page/drawing.js"),
    "\n",
    include_str!("page/chart.js"),
    "\n",
    include_str!("page/picture.js"),
    "\n",
    include_str!("page/table.js"),
    "\n",
    include_str!("page/page.js"),
    "</script>\n</body>\n</html>\n",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_names_no_other_address() {
        assert!(PAGE.len() < 60_000, "{} bytes", PAGE.len());
        // The address that the page says to type is that of this machine.
        let rest = PAGE.replace("http://127.0.0.1:8000/", "");
        for address in ["://", "src=", "@import", "url("] {
            assert!(!rest.contains(address), "{address}");
        }
        // A script ends at the first such tag.
        assert_eq!(PAGE.matches("</script").count(), 1);
    }
}
