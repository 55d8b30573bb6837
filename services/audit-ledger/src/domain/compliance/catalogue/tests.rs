use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::*;

fn catalogues() -> Catalogues {
    Catalogues::load().unwrap()
}

fn schemas() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// The policy types there are: each has a schema of its name.
fn policy_types() -> BTreeSet<String> {
    let files = std::fs::read_dir(schemas().join("policy")).unwrap();
    let name = |file: std::fs::DirEntry| file.file_name().into_string().unwrap();
    files
        .map(|file| name(file.unwrap()).replace(".v1.json", ""))
        .collect()
}

fn controls_of(policy_type: &str) -> BTreeSet<(String, String)> {
    let catalogues = catalogues();
    let all = catalogues.all().iter();
    all.flat_map(|it| it.controls.iter().map(move |control| (it, control)))
        .filter(|(_, control)| control.policies.iter().any(|one| one == policy_type))
        .map(|(it, control)| (it.framework.clone(), control.id.clone()))
        .collect()
}

#[test]
fn every_catalogue_is_what_its_schema_says() {
    let schema = std::fs::read_to_string(schemas().join("compliance/catalogue.v1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for text in TEXTS {
        let catalogue: Value = serde_json::from_str(text).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&catalogue)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", catalogue["framework"]);
    }
    let words: BTreeSet<&str> = Evidence::ALL.iter().map(|it| it.word()).collect();
    let said: BTreeSet<&str> = schema["$defs"]["evidence"]["items"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(words, said);
}

#[test]
fn every_file_is_loaded_and_named_after_its_framework() {
    let files = std::fs::read_dir(schemas().join("compliance")).unwrap();
    let files: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "catalogue.v1.json")
        .collect();
    let catalogues = catalogues();
    let loaded = catalogues.all().iter();
    let loaded: BTreeSet<String> = loaded.map(|it| format!("{}.json", it.framework)).collect();
    assert_eq!(files, loaded);
}

#[test]
fn a_control_is_there_once_and_something_bears_on_it_or_it_says_what_nothing_shows() {
    for catalogue in catalogues().all() {
        let mut ids = BTreeSet::new();
        for control in &catalogue.controls {
            let name = format!("{} {}", catalogue.framework, control.id);
            assert!(ids.insert(&control.id), "{name} is there twice");
            let bears = !control.policies.is_empty() || !control.needs.is_empty();
            assert!(
                bears || control.unshown.is_some(),
                "{name}: nothing bears on it"
            );
        }
    }
}

#[test]
fn every_piece_of_evidence_bears_on_some_control() {
    let catalogues = catalogues();
    let controls = || catalogues.all().iter().flat_map(|it| &it.controls);
    for evidence in Evidence::ALL {
        let bears = controls().any(|it| {
            let mut all = it.needs.iter().chain(&it.supports).chain(&it.against);
            all.any(|one| one == evidence)
        });
        assert!(bears, "{}", evidence.word());
    }
}

#[test]
fn every_policy_type_maps_to_controls() {
    for policy_type in policy_types() {
        assert!(!controls_of(&policy_type).is_empty(), "{policy_type}");
    }
    let catalogues = catalogues();
    for control in catalogues.all().iter().flat_map(|it| &it.controls) {
        for policy_type in &control.policies {
            assert!(policy_types().contains(policy_type), "{policy_type}");
        }
    }
}

#[test]
fn personal_data_policies_map_to_hipaa_164_312_and_gdpr_article_25() {
    let controls = controls_of("pii_access");
    for (framework, id) in [
        ("hipaa", "164.312(a)(1)"),
        ("hipaa", "164.312(e)(1)"),
        ("gdpr", "Art. 25"),
        ("gdpr", "Art. 32"),
    ] {
        let control = (framework.to_owned(), id.to_owned());
        assert!(controls.contains(&control), "{control:?} of {controls:?}");
    }
}

#[test]
fn what_no_entry_can_show_is_not_called_operated() {
    let catalogues = catalogues();
    for (framework, id) in [
        ("hipaa", "164.308(a)(2)"),
        ("hipaa", "164.308(a)(5)(ii)(C)"),
        ("hipaa", "164.308(a)(7)"),
        ("hipaa", "164.312(e)(1)"),
        ("hipaa", "164.316(b)(2)(i)"),
        ("gdpr", "Art. 35"),
        ("eu-ai-act", "Art. 27"),
        ("iso27001", "A.8.17"),
    ] {
        let mut controls = catalogues.find(framework).unwrap().controls.iter();
        let control = controls.find(|it| it.id == id).unwrap();
        assert!(control.unshown.is_some(), "{framework} {id}");
    }
}

#[test]
fn a_right_of_data_subjects_is_shown_by_requests_of_its_own_kind_only() {
    let catalogues = catalogues();
    for (id, evidence) in [
        ("Art. 15", Evidence::PrivacyAccess),
        ("Art. 16", Evidence::PrivacyRectification),
        ("Art. 17", Evidence::PrivacyErasure),
        ("Art. 20", Evidence::PrivacyPortability),
        ("Art. 12", Evidence::PrivacyInTime),
    ] {
        let mut controls = catalogues.find("gdpr").unwrap().controls.iter();
        let control = controls.find(|it| it.id == id).unwrap();
        assert!(control.needs.contains(&evidence), "{id}");
    }
}

#[test]
fn a_late_answer_speaks_against_every_control_that_is_about_answers() {
    let catalogues = catalogues();
    for (framework, ids) in [
        (
            "gdpr",
            &["Art. 12", "Art. 15", "Art. 16", "Art. 17", "Art. 20"][..],
        ),
        ("soc2", &["P5.1", "P8.1"][..]),
    ] {
        let controls = catalogues.find(framework).unwrap().controls.iter();
        let late = controls.filter(|it| it.against.contains(&Evidence::PrivacyLate));
        let late: Vec<&Control> = late.collect();
        let named: Vec<&str> = late.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(named, ids);
        assert!(
            late.iter()
                .all(|it| it.against.contains(&Evidence::PrivacyOverdue))
        );
    }
}

#[test]
fn no_catalogue_promises_more_than_evidence() {
    for text in TEXTS {
        let text = text.to_ascii_lowercase();
        assert!(!text.contains("certified") && !text.contains("compliant"));
    }
}
