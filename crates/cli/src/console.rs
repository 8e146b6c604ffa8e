//! The three streams of the program: data out, talk to the person, and what the person says.
//!
//! Data goes to standard output and talk to standard error, so that a pipe gets data only. Styles
//! appear on a terminal only. A value of a person is read without showing it and zeroised after use.

use crate::error::Failure;
use crate::message::{Phrase, sentence};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::rc::Rc;
use zeroize::Zeroizing;

/// The longest line a person or a pipe may give, in bytes.
pub(crate) const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What a stream leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A person looks at it.
    Terminal,
    /// Another program or a file.
    Pipe,
}

impl Surface {
    fn of(stream: &impl IsTerminal) -> Self {
        if stream.is_terminal() { Self::Terminal } else { Self::Pipe }
    }
}

/// How something is set off from the rest, on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// What the person should look at first.
    Strong,
    /// Something went wrong.
    Alarm,
    /// What can be done next.
    Quiet,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "\u{1b}[1m",
            Self::Alarm => "\u{1b}[1;31m",
            Self::Quiet => "\u{1b}[2m",
        }
    }
}

/// The streams of one run.
pub struct Console {
    out: Box<dyn Write>,
    out_surface: Surface,
    talk: Box<dyn Write>,
    talk_surface: Surface,
    input: Box<dyn BufRead>,
    input_surface: Surface,
    read_hidden: Option<fn() -> io::Result<String>>,
    fault: Option<io::ErrorKind>,
}

/// What a captured run printed.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    out: Rc<RefCell<Vec<u8>>>,
    talk: Rc<RefCell<Vec<u8>>>,
}

impl Captured {
    /// What went to standard output.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.out.borrow()).into_owned()
    }

    /// What went to standard error.
    pub fn talk(&self) -> String {
        String::from_utf8_lossy(&self.talk.borrow()).into_owned()
    }
}

impl Console {
    /// The streams of this process.
    pub fn of_process() -> Self {
        let (out, talk) = (io::stdout(), io::stderr());
        Self {
            out_surface: Surface::of(&out),
            talk_surface: Surface::of(&talk),
            out: Box::new(io::BufWriter::new(anstream::AutoStream::auto(out))),
            talk: Box::new(anstream::AutoStream::auto(talk)),
            input_surface: Surface::of(&io::stdin()),
            input: Box::new(io::stdin().lock()),
            read_hidden: Some(rpassword::read_password),
            fault: None,
        }
    }

    /// Streams in memory: `input` is what the person says, `surface` what the streams pretend to be.
    /// Styles are left out.
    pub fn captured(input: &[u8], surface: Surface) -> (Self, Captured) {
        let captured = Captured::default();
        let plain = |buffer: &Rc<RefCell<Vec<u8>>>| -> Box<dyn Write> {
            let memory: Box<dyn Write> = Box::new(Memory(Rc::clone(buffer)));
            Box::new(anstream::StripStream::new(memory))
        };
        let console = Self {
            out: plain(&captured.out),
            out_surface: surface,
            talk: plain(&captured.talk),
            talk_surface: surface,
            input: Box::new(io::Cursor::new(input.to_vec())),
            input_surface: surface,
            read_hidden: None,
            fault: None,
        };
        (console, captured)
    }

    /// What standard output leads to.
    pub(crate) const fn out_surface(&self) -> Surface {
        self.out_surface
    }

    /// What standard input comes from.
    pub(crate) const fn input_surface(&self) -> Surface {
        self.input_surface
    }

    /// Writes data. A failure is kept for [`Console::finish`], so that a closed pipe changes no
    /// outcome.
    pub(crate) fn data(&mut self, text: &str) {
        self.data_bytes(text.as_bytes());
    }

    /// Writes bytes of data.
    pub(crate) fn data_bytes(&mut self, bytes: &[u8]) {
        // After a failure nobody reads what follows.
        if self.fault.is_none() {
            let written = self.out.write_all(bytes);
            self.note(written);
        }
    }

    /// Writes a line of talk. Talk that nobody can read is no failure.
    pub(crate) fn say(&mut self, line: &str) {
        self.flush_before_talk();
        let _ = writeln!(self.talk, "{line}");
        let _ = self.talk.flush();
    }

    /// Text in a style, for talk.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        styled(self.talk_surface, style, text)
    }

    /// Text in a style, for data.
    pub(crate) fn styled_data(&self, style: Style, text: &str) -> String {
        styled(self.out_surface, style, text)
    }

    /// Asks for a line that may be seen; `None` at the end of the input.
    ///
    /// # Errors
    /// [`Failure::InputTooLong`], [`Failure::InputNotText`], [`Failure::InputUnreadable`].
    pub(crate) fn ask(&mut self, question: &str) -> Result<Option<String>, Failure> {
        self.flush_before_talk();
        if self.input_surface == Surface::Terminal {
            let _ = write!(self.talk, "{question} ");
            let _ = self.talk.flush();
        }
        Ok(self.line()?.map(|line| line.trim().to_owned()))
    }

    /// Asks for a value of a person: nothing of it is shown.
    ///
    /// # Errors
    /// [`Failure::InputTooLong`], [`Failure::InputNotText`], [`Failure::InputUnreadable`].
    pub(crate) fn ask_hidden(
        &mut self,
        question: &str,
    ) -> Result<Option<Zeroizing<String>>, Failure> {
        match self.read_hidden {
            Some(read_hidden) if self.input_surface == Surface::Terminal => {
                let _ = write!(self.talk, "{question} ");
                let _ = self.talk.flush();
                let value =
                    read_hidden().map_err(|error| Failure::InputUnreadable(error.kind()))?;
                Ok(Some(Zeroizing::new(value)))
            }
            _ => {
                if self.input_surface == Surface::Terminal {
                    let _ = writeln!(self.talk, "{question} ");
                }
                self.line()
            }
        }
    }

    /// Asks whether to go on; anything but a yes is a no.
    ///
    /// # Errors
    /// [`Failure::NobodyToAsk`] if nobody sits at a terminal; the errors of [`Console::ask`].
    pub(crate) fn confirm(&mut self, question: Phrase) -> Result<(), Failure> {
        if self.input_surface != Surface::Terminal {
            return Err(Failure::NobodyToAsk(question));
        }
        let answer = self.ask(&sentence::yes_or_no(question))?.unwrap_or_default();
        match answer.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::Declined),
        }
    }

    /// One line of the input without its end; `None` at the end of the input.
    ///
    /// # Errors
    /// [`Failure::InputTooLong`], [`Failure::InputNotText`], [`Failure::InputUnreadable`].
    pub(crate) fn line(&mut self) -> Result<Option<Zeroizing<String>>, Failure> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut bounded = self.input.as_mut().take(LINE_BYTES_MAX + 1);
        let read = bounded.read_until(b'\n', &mut bytes);
        let length = read.map_err(|error| Failure::InputUnreadable(error.kind()))?;
        if length == 0 {
            return Ok(None);
        }
        if u64::try_from(length).unwrap_or(u64::MAX) > LINE_BYTES_MAX {
            return Err(Failure::InputTooLong { bytes_max: LINE_BYTES_MAX });
        }
        let text = core::str::from_utf8(&bytes).map_err(|_| Failure::InputNotText)?;
        Ok(Some(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())))
    }

    /// Everything that is left of the input.
    ///
    /// # Errors
    /// [`Failure::InputTooLong`], [`Failure::InputUnreadable`].
    pub(crate) fn rest(&mut self, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut bounded = self.input.as_mut().take(bytes_max.saturating_add(1));
        let read = bounded.read_to_end(&mut bytes);
        let length = read.map_err(|error| Failure::InputUnreadable(error.kind()))?;
        if u64::try_from(length).unwrap_or(u64::MAX) > bytes_max {
            return Err(Failure::InputTooLong { bytes_max });
        }
        Ok(bytes)
    }

    /// A bar for long work: shown on a terminal only, and only from `steps_long` on.
    pub(crate) fn progress(&self, what: &'static str, steps: u64, steps_long: u64) -> ProgressBar {
        let is_seen = self.talk_surface == Surface::Terminal && self.read_hidden.is_some();
        if !is_seen || steps < steps_long {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar
    }

    /// Flushes the data.
    ///
    /// # Errors
    /// [`Failure::OutputFailed`]; a reader that went away is no failure.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let flushed = self.out.flush();
        self.note(flushed);
        match self.fault {
            None | Some(io::ErrorKind::BrokenPipe) => Ok(()),
            Some(kind) => Err(Failure::OutputFailed(kind)),
        }
    }

    /// On a terminal both streams meet, so that data said before talk stands before it.
    fn flush_before_talk(&mut self) {
        if self.out_surface == Surface::Terminal {
            let flushed = self.out.flush();
            self.note(flushed);
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.fault.get_or_insert(error.kind());
        }
    }
}

impl core::fmt::Debug for Console {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Console({:?})", self.out_surface)
    }
}

/// Text from elsewhere, safe to show: control characters and marks that reorder a line are escaped.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || reorders(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Marks that reorder or hide text on a screen (Unicode Bidirectional Algorithm, zero-width marks).
const fn reorders(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

fn styled(surface: Surface, style: Style, text: &str) -> String {
    match surface {
        Surface::Terminal => format!("{}{text}\u{1b}[0m", style.code()),
        Surface::Pipe => text.to_owned(),
    }
}

struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_cannot_play_with_the_terminal() {
        assert_eq!(plain("down\u{1b}[2J\r\n\u{202e}gpj"), "down\\u{1b}[2J\\u{d}\\u{a}\\u{202e}gpj");
        assert_eq!(plain("Málaga سبتة"), "Málaga سبتة");
    }

    #[test]
    fn lines_are_bounded_and_anything_but_yes_is_no() {
        let long = vec![b'a'; 70_000];
        let (mut console, _) = Console::captured(&long, Surface::Pipe);
        assert!(matches!(console.line(), Err(Failure::InputTooLong { .. })));
        let (mut console, _) = Console::captured(b"one\r\ntwo\n\xff\n", Surface::Pipe);
        assert_eq!(console.line().unwrap().unwrap().as_str(), "one");
        assert_eq!(console.line().unwrap().unwrap().as_str(), "two");
        assert!(matches!(console.line(), Err(Failure::InputNotText)));
        for (answer, yes) in
            [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("j", false)]
        {
            let (mut console, _) = Console::captured(answer.as_bytes(), Surface::Terminal);
            assert_eq!(console.confirm(Phrase::Proceed).is_ok(), yes, "{answer:?}");
        }
        let (mut console, _) = Console::captured(b"y\n", Surface::Pipe);
        assert!(matches!(console.confirm(Phrase::Proceed), Err(Failure::NobodyToAsk(_))));
    }
}
