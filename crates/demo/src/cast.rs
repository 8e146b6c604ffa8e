//! Who takes part: four agencies, their authorities, officers and policies. All fictional names.

/// One agency of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agency {
    /// Its id.
    pub id: &'static str,
    /// Its country.
    pub country: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What kind of service it is.
    pub kind: &'static str,
    /// The analyst's pseudonym.
    pub officer: &'static str,
    /// Its local policy.
    pub policy: &'static str,
}

/// Belgium: submits, keeps home, withdraws.
pub(crate) const BELGIUM: Agency = Agency {
    id: "be-fedpol",
    country: "BE",
    name: "Belgium",
    kind: "POLICE",
    officer: "BE-1042",
    policy: include_str!("../../../deploy/policy/be.cedar"),
};
/// Spain: asks.
pub(crate) const SPAIN: Agency = Agency {
    id: "es-pn",
    country: "ES",
    name: "Spain",
    kind: "POLICE",
    officer: "ES-2077",
    policy: include_str!("../../../deploy/policy/es.cedar"),
};
/// France: receives.
pub(crate) const FRANCE: Agency = Agency {
    id: "fr-oltim",
    country: "FR",
    name: "France",
    kind: "POLICE",
    officer: "FR-3310",
    policy: include_str!("../../../deploy/policy/fr.cedar"),
};
/// Morocco: a third country for the others, and they for it.
pub(crate) const MOROCCO: Agency = Agency {
    id: "ma-dgsn",
    country: "MA",
    name: "Morocco",
    kind: "POLICE",
    officer: "MA-4125",
    policy: include_str!("../../../deploy/policy/ma.cedar"),
};

/// Everybody, in the order of the story.
pub(crate) const ALL: [Agency; 4] = [BELGIUM, SPAIN, FRANCE, MOROCCO];
/// The partners of Belgium.
pub(crate) const PARTNERS: [Agency; 3] = [SPAIN, FRANCE, MOROCCO];
/// The agreement.
pub(crate) const AGREEMENT: &str = "malines-2026";
/// The clause that binds all four.
pub(crate) const CLAUSE: &str = "4.2";

/// A file of the samples, written into the demonstration's folder.
pub(crate) const SAMPLES: [(&str, &str); 7] = [
    ("advertisement.csv", include_str!("../../../deploy/samples/advertisement.csv")),
    ("answers.toml", include_str!("../../../deploy/samples/answers.toml")),
    ("weak.csv", include_str!("../../../deploy/samples/weak.csv")),
    ("weak.toml", include_str!("../../../deploy/samples/weak.toml")),
    ("labels.toml", include_str!("../../../deploy/samples/labels.toml")),
    ("files/tarifs.txt", include_str!("../../../deploy/samples/files/tarifs.txt")),
    ("files/salidas.txt", include_str!("../../../deploy/samples/files/salidas.txt")),
];
