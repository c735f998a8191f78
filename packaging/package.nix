# nix-build -E 'with import <nixpkgs> {}; callPackage ./packaging/package.nix {}'
{ lib, rustPlatform, installShellFiles }:

rustPlatform.buildRustPackage {
  pname = "arrayfs";
  version = "0.2.0";

  src = lib.cleanSource ../.;
  cargoLock.lockFile = ../Cargo.lock;

  nativeBuildInputs = [ installShellFiles ];
  # The tests mount file systems and need NumPy; the sandbox has no /dev/fuse.
  doCheck = false;

  postInstall = ''
    installManPage docs/generated/arrayfs.1
    installShellCompletion docs/generated/{arrayfs.bash,arrayfs.fish,_arrayfs}
  '';

  meta = {
    description = "Mount a binary array file as a directory tree in which every slice is a file";
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "arrayfs";
    platforms = lib.platforms.linux;
  };
}
