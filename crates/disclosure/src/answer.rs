//! What is answered to whoever reported a weakness: texts to begin from, in two languages.

use crate::Tongue;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A person read the report.
    Acknowledge,
    /// The weakness is fixed.
    Fixed,
    /// It is none, or is not ours.
    Declined,
}

/// An answer in one language; what stands in braces is for whoever sends it to fill in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// The subject of a letter.
    pub subject: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl Answer {
    /// All of them, in the order in which they are given.
    pub const ALL: [Self; 3] = [Self::Acknowledge, Self::Fixed, Self::Declined];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Fixed => "fixed",
            Self::Declined => "declined",
        }
    }

    /// From its word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.as_str() == word)
    }

    /// Its text in a language.
    #[must_use]
    pub const fn template(self, tongue: Tongue) -> Template {
        match (self, tongue) {
            (Self::Acknowledge, Tongue::English) => Template {
                subject: "Your report {report}: a person has read it",
                text: "Thank you for reporting this to us.\n\nI have read your report {report} and can follow it. Next I rate how bad it is; if it is critical, a fix or a way around it follows within 24 hours of your report. With your receipt you see each step at {status}.\n\nPlease keep the matter to yourself until a fix is out, at most for 90 days from your report. Our terms are at {policy}.\n\n{name}",
            },
            (Self::Acknowledge, Tongue::German) => Template {
                subject: "Ihre Meldung {report}: ein Mensch hat sie gelesen",
                text: "Danke, dass Sie uns das gemeldet haben.\n\nIch habe Ihre Meldung {report} gelesen und kann sie nachvollziehen. Als Nächstes bewerte ich die Schwere; ist sie kritisch, folgt binnen 24 Stunden ab Ihrer Meldung eine Behebung oder ein Umweg. Mit Ihrer Quittung sehen Sie jeden Schritt unter {status}.\n\nBitte behalten Sie die Sache für sich, bis eine Behebung erschienen ist, längstens 90 Tage ab Ihrer Meldung. Unsere Bedingungen stehen unter {policy}.\n\n{name}",
            },
            (Self::Fixed, Tongue::English) => Template {
                subject: "Your report {report}: fixed",
                text: "The weakness that you reported as {report} is fixed in version {version}. Please look whether you agree.\n\nAn advisory follows on {date}. If you wish to be named, tell us how; it then stands at {thanks}.\n\nThank you for your patience.\n\n{name}",
            },
            (Self::Fixed, Tongue::German) => Template {
                subject: "Ihre Meldung {report}: behoben",
                text: "Die Schwachstelle, die Sie als {report} gemeldet haben, ist in Version {version} behoben. Bitte sehen Sie nach, ob Sie das auch so sehen.\n\nEine Veröffentlichung folgt am {date}. Wenn Sie genannt werden möchten, sagen Sie uns wie; es steht dann unter {thanks}.\n\nDanke für Ihre Geduld.\n\n{name}",
            },
            (Self::Declined, Tongue::English) => Template {
                subject: "Your report {report}: no weakness of ours",
                text: "Thank you for your report {report}. We do not treat it as a weakness of this server, because {reason}.\n\nIf you see it otherwise, write to us again and say what we missed: we then look anew. You are free to publish your report.\n\n{name}",
            },
            (Self::Declined, Tongue::German) => Template {
                subject: "Ihre Meldung {report}: keine Schwachstelle bei uns",
                text: "Danke für Ihre Meldung {report}. Wir behandeln sie nicht als Schwachstelle dieses Servers, weil {reason}.\n\nWenn Sie das anders sehen, schreiben Sie uns noch einmal und sagen Sie, was wir übersehen haben: Wir sehen dann neu hin. Sie können Ihre Meldung veröffentlichen.\n\n{name}",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn blanks(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn both_languages_leave_the_same_blanks_and_each_names_the_report() {
        for answer in Answer::ALL {
            let [english, german] =
                [Tongue::English, Tongue::German].map(|tongue| answer.template(tongue));
            let whole = |one: Template| format!("{}\n{}", one.subject, one.text);
            let (english, german) = (whole(english), whole(german));
            assert_eq!(blanks(&english), blanks(&german), "{answer:?}");
            assert!(blanks(&english).contains("report"), "{answer:?}");
            assert_ne!(english, german);
            assert_eq!(Answer::named(answer.as_str()), Some(answer));
        }
        assert_eq!(Answer::named("forget"), None);
    }
}
