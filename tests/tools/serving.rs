//! Web servers that serve a mount, with requests for ranges. Only root can have
//! nginx work as another user.

use crate::case::{Case, works};
use crate::common::Dir;
use crate::table::behave;

/// Starts Python's server in the background and reads its port.
const PYTHON: &str = "mkfifo announced
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory m > announced 2> /dev/null &
    read -r _ _ _ _ _ port _ < announced
    get() { curl -sS --noproxy '*' --write-out '%{http_code} %{size_download}\\n' \"$@\"; }";

/// Starts nginx, which returns when it can be asked.
const NGINX: &str = "echo \"pid pid; error_log errors; user USER; events {}
    http { access_log off; server { listen unix:socket; root m; } client_body_temp_path t1;
    proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5; }\" > conf
    nginx -e errors -p $PWD -c conf
    get() { curl -sS --noproxy '*' --write-out '%{http_code} %{size_download}\\n' --unix-socket socket \"$@\"; }";

pub fn cases() -> Vec<Case> {
    let python = |requests: &str| format!("{PYTHON}\n{requests}; kill $!");
    let nginx = |user: &str, requests: &str| {
        let start = NGINX.replace("USER", user);
        format!("{start}\n{requests}; kill -QUIT $(cat pid)")
    };
    let file = "get http://x/rows/3";
    let range = "get -r 3-5 http://x/cols/3; get -r -9 http://x/data; get -r 99- http://x/rows/3";
    let everyone = &["-o", "allow_other"];
    vec![
        works(
            "python -m http.server",
            python("get 127.0.0.1:$port/rows/3"),
        ),
        works(
            "python -m http.server",
            python("get -r 3-5 127.0.0.1:$port/cols/3"),
        ),
        works("nginx", nginx("root", &format!("{file}; {range}"))),
        works("nginx", nginx("www-data", &format!("{file}; {range}"))).mounted_with(everyone),
        works("nginx", nginx("www-data", "get -o page http://x/rows/3")).prints("403 153\n"),
    ]
}

#[test]
fn web_servers_serve_files_and_ranges() {
    if Dir::for_root().is_some() {
        behave("text", &cases());
    }
}
