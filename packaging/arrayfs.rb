class Arrayfs < Formula
  desc "Mount a binary array file as a directory tree in which every slice is a file"
  homepage "https://crates.io/crates/arrayfs"
  url "https://static.crates.io/crates/arrayfs/arrayfs-0.2.0.crate"
  # scripts/package.sh puts the checksum of the crate that it made here.
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build
  # On macOS it needs macFUSE. That is a cask, and homebrew-core takes no formula that needs a cask.
  depends_on :linux

  def install
    system "cargo", "install", *std_cargo_args
    man1.install "docs/generated/arrayfs.1"
    doc.install "docs/generated/THIRD-PARTY-NOTICES"
    generate_completions_from_executable(bin/"arrayfs", "--generate", shells: [:bash, :zsh, :fish])
  end

  test do
    (testpath/"four.i2").binwrite [1, 2, 3, 4].pack("s<*")
    info = shell_output("#{bin}/arrayfs --info four.i2 --dtype i2 --shape 2,2")
    assert_match '"shape": [2,2]', info
  end
end
