"""What people said of pictures, folded naively: the newest word of each person that was not taken back.

Inputs: answers, in the order in which they were given. Outputs: the word that counts for each picture. Written from
promise 11 and the guide, and shares no code with the product's own fold.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from .shop_facts import Picture

Word = Literal["accept", "refuse", "retry", "conflict"]


@dataclass(frozen=True)
class Said:
    """One answer about a picture. `token` sorts by time; `prompt` is that of an edited retry."""

    token: str
    who: str
    word: Word
    picture: Picture
    prompt: str = ""
    ends_conflict: bool = False


@dataclass(frozen=True)
class Standing:
    """What counts for a picture: the word, an edited prompt, and the token of the newest thing said or taken back.

    `given` is the token of the newest of the words that count: taking another word back gives none anew.
    """

    word: Word
    prompt: str
    since: str
    given: str


@dataclass
class NaiveAnswers:
    """All answers of a shop's people."""

    given: list[Said] = field(default_factory=list)
    undone: dict[str, str] = field(default_factory=dict)
    """Token of an answer -> token of the undo."""

    def add(self, said: Said) -> None:
        """Keep an answer."""
        self.given.append(said)

    def undo(self, said: Said, token: str) -> None:
        """Take an answer back."""
        self.undone[said.token] = token

    def keep(self, tokens: Collection[str]) -> None:
        """Forget all but these: a sweep has, since no image needs the others; the gates decide such images anew."""
        self.given = [said for said in self.given if said.token in tokens]

    def can_be_undone(self, who: str) -> list[Said]:
        """Return what a person said and has not taken back."""
        return [said for said in self.given if said.who == who and said.token not in self.undone]

    def pictures(self) -> list[Picture]:
        """Return every picture of which anything was said, in order."""
        return sorted({said.picture for said in self.given})

    def standing(self, picture: Picture) -> Standing | None:
        """Return what counts for a picture now."""
        about = [said for said in self.given if said.picture == picture]
        last: dict[str, Said] = {}
        for said in about:
            if said.token not in self.undone:
                last[said.who] = said
        words = sorted(last.values(), key=lambda said: said.token)
        ending = [place for place, said in enumerate(words) if said.ends_conflict]
        words = words[ending[-1] :] if ending else words
        if not words:
            return None
        since = max([said.token for said in about] + [self.undone.get(said.token, "") for said in about])
        differ = len({(said.word, said.prompt) for said in words}) > 1
        return Standing("conflict" if differ else words[-1].word, words[-1].prompt, since, words[-1].token)

    def standing_by_picture(self) -> Iterator[tuple[Picture, Standing]]:
        """Yield what counts, picture by picture."""
        for picture in self.pictures():
            standing = self.standing(picture)
            if standing is not None:
                yield picture, standing
