//! Servers of a mount: web servers with range requests, and Samba. Running them as another user
//! needs root.

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

/// Starts Samba, which any user may write to as root, on a free port.
const SAMBA: &str = "smb=$(mktemp -d)
    port=$(python3 -c 'import socket; print(socket.create_server((\"127.0.0.1\", 0)).getsockname()[1])')
    echo \"[global]
        smb ports = $port
        interfaces = lo
        bind interfaces only = yes
        lock directory = $smb
        state directory = $smb
        cache directory = $smb
        pid directory = $smb
        private dir = $smb
        ncalrpc dir = $smb/ncalrpc
        log file = $smb/log
        map to guest = bad user
        guest account = root
        disable spoolss = yes
        [share]
        path = $PWD/m
        guest ok = yes
        read only = no\" > $smb/conf
    smbd -s $smb/conf -D
    client() { smbclient -s $smb/conf -p $port -N //127.0.0.1/share -c \"$1\"; }
    until client ls > said 2>&1; do sleep 0.1; done";

pub fn cases() -> Vec<Case> {
    let python = |requests: &str| format!("{PYTHON}\n{requests}; kill $!");
    let nginx = |user: &str, requests: &str| {
        let start = NGINX.replace("USER", user);
        format!("{start}\n{requests}; kill -QUIT $(cat pid)")
    };
    let samba = |command: &str| {
        // It removes the file at its end.
        let end = "kill $(cat $smb/smbd.pid)\n    while [ -e $smb/smbd.pid ]; do sleep 0.1; done; rm -r $smb";
        format!("{SAMBA}\nclient '{command}' > said 2>&1 || cat said; {end}")
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
        works("Samba", samba("put new rows/3")).changes(&["rows/3"]),
        works("Samba", samba("get rows/3 got") + "; cat got"),
        works("nginx", nginx("root", &format!("{file}; {range}"))),
        works("nginx", nginx("www-data", &format!("{file}; {range}"))).mounted_with(everyone),
        works("nginx", nginx("www-data", "get -o page http://x/rows/3")).prints("403 153\n"),
    ]
}

#[test]
fn servers_serve_files_and_ranges() {
    if Dir::for_root().is_some() {
        behave("text", &cases());
    }
}
