//! Every case, by topic. A test beside the list makes sure that none is left out.

use super::{Case, Variant};

pub mod login;

macro_rules! cases {
    ($($topic:ident { $($variant:ident: [$($name:ident),* $(,)?])* })*) => {
        /// Every case.
        pub const ALL: &[Case] = &[$($($(
            Case {
                name: concat!(stringify!($topic), "::", stringify!($name)),
                variant: Variant::$variant,
                run: |subject| Box::pin($topic::$name(subject)),
            },
        )*)*)*];
    };
}

cases! {
    login {
        Default: [a_login]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn no_case_is_left_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract/cases");
        let mut written = BTreeSet::new();
        for file in std::fs::read_dir(folder).expect("lists the folder") {
            let path = file.expect("lists a file").path();
            let topic = path.file_stem().expect("has a name").to_string_lossy().into_owned();
            let source = std::fs::read_to_string(&path).expect("reads");
            for line in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let name = line.split('(').next().unwrap_or_default();
                written.insert(format!("{topic}::{name}"));
            }
        }
        let listed: BTreeSet<String> = ALL.iter().map(|case| case.name.to_owned()).collect();
        assert_eq!(listed.len(), ALL.len(), "a case is listed twice");
        assert_eq!(written, listed);
    }
}
