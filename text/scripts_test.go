package text

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func wholeWords(t *testing.T) *Tokenizer {
	t.Helper()
	tok, err := NewTokenizer("regex", Options{Pattern: WholeWords})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestWholeWordsSplitScriptsWithoutSpaces(t *testing.T) {
	tok := wholeWords(t)
	if tok.automaton == nil {
		t.Error("there is no automaton for the pattern: each text allocates")
	}
	for _, c := range []struct{ text, want string }{
		{"我想用iPhone15听周杰伦的歌。", "我|想|用|iPhone15|听|周|杰|伦|的|歌|。"},
		{"東京タワーへ行く、OK？", "東|京|タ|ワ|ー|へ|行|く|、|OK|？"},
		{"か\u3099っこう", "か\u3099|っ|こ|う"},                      // a mark of its own
		{"ฉันกินข้าวกับ John", "ฉั|น|กิ|น|ข้|า|ว|กั|บ|John"}, // vowels and tones above are marks,
		{"don't re-use 3.5 naïve naïve café", "don't|re|-|use|3|.|5|naïve|naïve|café"},
		{"l’été", "l’été"},
		{"한국어 문장은 띄어쓰기", "한국어|문장은|띄어쓰기"},
		{"  \u3000\u00a0\n", ""},
		{"a\u200db 👍🏽", "a|\u200d|b|👍|🏽"},
	} {
		var got []string
		for _, token := range tok.Tokenize(nil, c.text) {
			got = append(got, token.Text)
		}
		want := strings.Split(c.want, "|")
		if c.want == "" {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

// byHand splits as [WholeWords] is documented, from Unicode's tables.
func byHand(s string) []string {
	runes := []rune(s)
	letter := func(i int) bool {
		return i < len(runes) && !Unspaced(runes[i]) && !unicode.In(runes[i], unicode.Z, unicode.P, unicode.S, unicode.C) && !unicode.IsSpace(runes[i])
	}
	var out []string
	for i := 0; i < len(runes); {
		start := i
		switch {
		case unicode.IsSpace(runes[i]):
			i++
			continue
		case letter(i):
			for letter(i) || i < len(runes) && (runes[i] == '\'' || runes[i] == '’') && letter(i+1) {
				i++
			}
		case Unspaced(runes[i]):
			for i++; i < len(runes) && unicode.Is(unicode.M, runes[i]); i++ {
			}
		default:
			i++
		}
		out = append(out, string(runes[start:i]))
	}
	return out
}

// TestWholeWordsAgreesWithASplitterByHand on random texts of random scripts, and
// on every character between two letters.
func TestWholeWordsAgreesWithASplitterByHand(t *testing.T) {
	tok := wholeWords(t)
	check := func(s string) {
		var got []string
		for _, token := range tok.Tokenize(nil, s) {
			got = append(got, token.Text)
		}
		if diff := cmp.Diff(byHand(s), got); diff != "" {
			t.Fatalf("%q: %s", s, diff)
		}
	}
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if r < 0x3400 || r > 0xF000 && r < 0x20000 || r%97 == 0 {
			check("a" + string(r) + "b漢" + string(r))
		}
	}
	draw := rand.New(rand.NewPCG(1, 1))
	ranges := [][2]rune{{0x20, 0x7F}, {0xA0, 0x250}, {0x300, 0x500}, {0xE00, 0xF00}, {0x1000, 0x1100}, {0x1780, 0x1800}, {0x3000, 0x3130}, {0x4E00, 0x4F00}, {0xAC00, 0xAD00}, {0x1F300, 0x1F400}}
	for range 3000 {
		var b strings.Builder
		for range draw.IntN(20) {
			of := ranges[draw.IntN(len(ranges))]
			b.WriteRune(of[0] + rune(draw.IntN(int(of[1]-of[0]))))
		}
		check(b.String())
	}
}

func TestWholeWordsAllocatesNothing(t *testing.T) {
	tok := wholeWords(t)
	scratch, tokens := new(Scratch), make([]Token, 0, 64)
	const s = "我想用iPhone15听don't 周杰伦的歌。"
	tokens = tok.TokenizeIn(scratch, tokens[:0], s)
	if n := testing.AllocsPerRun(100, func() { tokens = tok.TokenizeIn(scratch, tokens[:0], s) }); n > 0 {
		t.Errorf("%v allocations a text", n)
	}
}
