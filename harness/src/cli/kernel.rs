//! Arguments of `kernel` and `bisect-run`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do about kernels.
#[derive(Debug, Subcommand)]
pub enum KernelCommand {
    /// Build a kernel of a source tree, from Linux 6.1 on; nothing in the tree is written.
    Build(KernelBuildArgs),
    /// Build a kernel of this system's `linux-source` package (Debian, Ubuntu); root is not needed.
    Install(KernelInstallArgs),
    /// List the kernels of the cache.
    List,
    /// Remove a kernel from the cache, or what builds have left for the next one.
    Remove(KernelRemoveArgs),
}

/// Arguments of `kernel build`.
#[derive(Debug, Args)]
pub struct KernelBuildArgs {
    /// The source of Linux.
    #[arg(long, value_name = "TREE")]
    pub source: PathBuf,
    /// Where the kernel goes [default: the cache, where `--kernel VERSION` finds it].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub how: BuildingArgs,
}

/// How a kernel is built.
#[derive(Clone, Debug, Default, Args)]
pub struct BuildingArgs {
    /// Files compiled at a time [default: one a core].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Options of the kernel beside ours, as lines CONFIG_NAME=VALUE.
    #[arg(long, value_name = "FRAGMENT")]
    pub config: Option<PathBuf>,
}

/// Arguments of `kernel install`.
#[derive(Debug, Args)]
pub struct KernelInstallArgs {
    /// The series, such as 6.12 [default: the newest that apt knows].
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Keep the unpacked source and the folder of the build.
    #[arg(long)]
    pub keep_source: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub how: BuildingArgs,
}

/// Arguments of `kernel remove`.
#[derive(Debug, Args)]
pub struct KernelRemoveArgs {
    /// Releases in full, such as 6.12.117.
    #[arg(value_name = "RELEASE", required_unless_present = "builds")]
    pub releases: Vec<String>,
    /// Remove the folders in which kernels were built, and unpacked source.
    #[arg(long)]
    pub builds: bool,
}

/// Arguments of `bisect-run`.
#[derive(Debug, Args)]
pub struct BisectArgs {
    /// Scripts or folders of them, or bundled cases by name or area.
    #[arg(required = true, value_name = "CASE")]
    pub cases: Vec<String>,
    /// The source of Linux.
    #[arg(long, value_name = "TREE", default_value = ".")]
    pub source: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub family: super::FamilyArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub how: BuildingArgs,
}
