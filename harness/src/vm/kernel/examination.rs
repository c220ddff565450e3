//! What `tcpdrill doctor` tells of kernels.

use crate::doctor::{Finding, State};

use super::{Cache, ENVIRONMENT, Kernel, look_for_tools};

/// The findings about kernels that can be run are called so.
pub const SUBJECT: &str = "kernel in virtual time";

/// Kernels that are found, and what building one would take.
pub fn findings() -> Vec<Finding> {
    let named = std::env::var_os(ENVIRONMENT).filter(|path| !path.is_empty());
    let mut findings = Vec::new();
    if let Some(path) = named {
        let found = super::find(path.to_str()).map_err(|problem| problem.to_string());
        findings.push(kernel(found, &format!(" ({ENVIRONMENT})")));
    }
    findings.extend(of_cache(Cache::of_user().and_then(|cache| {
        let entries = cache.entries()?;
        Ok(entries.into_iter().map(|entry| entry.path).collect())
    })));
    findings.push(tools(look_for_tools()));
    findings
}

fn of_cache(entries: Result<Vec<std::path::PathBuf>, super::CacheError>) -> Vec<Finding> {
    match entries {
        Err(problem) => vec![finding(State::Limited, problem.to_string(), None)],
        Ok(entries) if entries.is_empty() => {
            let remedy = "only needed for `--target linux-vm`; tcpdrill kernel install";
            vec![finding(
                State::Limited,
                "none in the cache".into(),
                Some(remedy),
            )]
        }
        Ok(entries) => {
            let one = |path: &std::path::PathBuf| {
                kernel(Kernel::at(path).map_err(|problem| problem.to_string()), "")
            };
            entries.iter().map(one).collect()
        }
    }
}

fn kernel(found: Result<Kernel, String>, whence: &str) -> Finding {
    match found {
        Ok(kernel) => {
            let (name, hz, path) = (&kernel.name, kernel.hz, kernel.path.display());
            let detail = format!("Linux {name}, HZ={hz}, {path}{whence}");
            finding(State::Ok, detail, None)
        }
        Err(problem) => finding(State::Limited, format!("{problem}{whence}"), None),
    }
}

fn tools(found: Result<(), super::ToolsError>) -> Finding {
    let subject = "building kernels";
    match found {
        Ok(()) => Finding {
            subject: subject.into(),
            state: State::Ok,
            detail: "all tools are there".into(),
            remedy: None,
        },
        Err(problem) => Finding {
            subject: subject.into(),
            state: State::Limited,
            detail: format!("not found: {}", problem.missing.join(", ")),
            remedy: Some(format!("apt-get install {}", problem.packages.join(" "))),
        },
    }
}

fn finding(state: State, detail: String, remedy: Option<&str>) -> Finding {
    Finding {
        subject: SUBJECT.into(),
        state,
        detail,
        remedy: remedy.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CacheError, Release, ToolsError};
    use super::*;
    use crate::doctor::Examination;

    #[test]
    fn kernels_and_tools_are_told() {
        let kernel_found = Kernel {
            path: "/c/linux-6.12.117".into(),
            name: "6.12.117".into(),
            release: Release::new(6, 12, 117),
            hz: 1000,
        };
        let missing = ToolsError {
            missing: vec!["flex", "bc"],
            packages: vec!["flex", "bc"],
        };
        let mut findings = vec![
            kernel(Ok(kernel_found), ""),
            kernel(Err("there is no kernel 6.9".into()), " (TCPDRILL_KERNEL)"),
        ];
        findings.extend(of_cache(Ok(Vec::new())));
        findings.extend(of_cache(Err(CacheError::Homeless)));
        findings.extend([tools(Ok(())), tools(Err(missing))]);
        let shown = Examination { findings }.to_string();
        insta::assert_snapshot!(shown, @r"
        ok       kernel in virtual time  Linux 6.12.117, HZ=1000, /c/linux-6.12.117
        limited  kernel in virtual time  there is no kernel 6.9 (TCPDRILL_KERNEL)
        limited  kernel in virtual time  none in the cache
                                         -> only needed for `--target linux-vm`; tcpdrill kernel install
        limited  kernel in virtual time  there is no cache folder: neither XDG_CACHE_HOME nor HOME is set; set one of them
        ok       building kernels        all tools are there
        limited  building kernels        not found: flex, bc
                                         -> apt-get install flex bc

        target reference: usable (it needs nothing of the machine)
        target linux: usable
        target linux-vm: usable
        ");
    }
}
