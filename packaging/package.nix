# nix-build -E 'with import <nixpkgs> {}; callPackage ./packaging/package.nix {}'
{ lib, rustPlatform, installShellFiles }:

rustPlatform.buildRustPackage {
  pname = "arrayfs";
  version = "0.2.0";

  # What the crate holds, without target/.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../README.md
      ../benches
      ../docs/generated
      ../src
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;

  nativeBuildInputs = [ installShellFiles ];
  # The tests mount file systems and need NumPy; the sandbox has no /dev/fuse.
  doCheck = false;

  postInstall = ''
    installManPage docs/generated/arrayfs.1
    install -Dm 444 docs/generated/THIRD-PARTY-NOTICES -t $out/share/doc/arrayfs
    installShellCompletion docs/generated/{arrayfs.bash,arrayfs.fish,_arrayfs}
  '';

  meta = {
    description = "Mount a binary array file as a directory tree in which every slice is a file";
    # Either of them: a list does not say so.
    license = [ lib.licenses.mit lib.licenses.asl20 ];
    mainProgram = "arrayfs";
    platforms = lib.platforms.linux;
  };
}
