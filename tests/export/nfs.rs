//! A mount exported over NFS by nfs-ganesha and read by libnfs. Both run in user space.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use crate::common::arrays::mounted;
use crate::common::{Dir, Mount, TestCommand, wait_until};
use crate::{OPTIONS, SLICES, file, forget};

/// A server that exports a mount.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(dir: &Dir, mount: &Mount) -> Server {
        let port = free_port();
        let (root, point) = (dir.directory("recovery"), mount.point().display());
        let configuration = format!(
            "NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1;
                 Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }}
             NFSV4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = {}; }}
             EXPORT {{ Export_Id = 7; Path = {point}; Pseudo = /m; Filesystem_Id = 7.7;
                 Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
                 FSAL {{ Name = VFS; }} }}",
            root.display()
        );
        let configuration = dir.file("ganesha.conf", configuration);
        let (log, pid) = (dir.join("ganesha.log"), dir.join("ganesha.pid"));
        let mut command = TestCommand::new("ganesha.nfsd", dir.path())
            .args(&["-F", "-N", "EVENT", "-f"])
            .args(&[&configuration])
            .args(&[
                "-L".as_ref(),
                log.as_os_str(),
                "-p".as_ref(),
                pid.as_os_str(),
            ])
            .into_inner();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("ganesha.nfsd: {error}: it is in the package nfs-ganesha")
        });
        let server = Server { process, port };
        wait_until("the NFS server", || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("NFS SERVER INITIALIZED")
        });
        server
    }

    /// Runs a tool of libnfs on a path of the mount.
    fn run(&self, dir: &Dir, tool: &str, path: &str) -> String {
        let url = format!("nfs://127.0.0.1/m{path}?version=4&nfsport={}", self.port);
        dir.command(tool, &[url]).run().succeeds()
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn claim_55_an_nfs_server_finds_files_that_the_kernel_has_forgotten() {
    let Some(dir) = Dir::for_root() else { return };
    let mount = mounted(&dir, &file(&dir), &OPTIONS);
    let views = [
        "/csv/rows/3.csv",
        "/rows/3",
        "/T/csv/rows/2.csv",
        "/fields/x/axes/2/4",
    ];
    let slices = SLICES.map(|name| format!("/{name}"));
    let views: Vec<&str> = views
        .into_iter()
        .chain(slices.iter().map(String::as_str))
        .collect();
    let bytes: Vec<String> = views
        .iter()
        .map(|view| {
            let bytes = fs::read(mount.join(&view[1..])).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
        .collect();
    let server = Server::start(&dir, &mount);
    for round in 0..3 {
        for (view, expected) in views.iter().zip(&bytes) {
            let found = server.run(&dir, "nfs-cat", view);
            assert_eq!(&found, expected, "{view}, round {round}");
        }
        for directory in ["", "/rows", "/T/axes", "/npy/cols"] {
            let listed = server.run(&dir, "nfs-ls", directory);
            let mut listed: Vec<_> = listed
                .lines()
                .filter_map(|line| line.rsplit(' ').next())
                .map(str::to_owned)
                .collect();
            listed.sort();
            // That has the kernel look at them again.
            forget();
            let names = fs::read_dir(mount.join(directory.trim_start_matches('/'))).unwrap();
            let mut names: Vec<_> = names
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(listed, names, "{directory}, round {round}");
        }
        forget();
    }
    drop(server);
    mount.unmount();
}
