package export

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"espalier/builder"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// wordpieces compares the front of a graph with package text.
type wordpieces struct {
	sessions   map[string]runtime.Session // by engine
	in         schema.Input
	vocabulary *text.Vocabulary
	tokenizer  *text.Tokenizer
	file       []byte
}

func newWordpieces(t testing.TB, file []byte, in schema.Input, threads int) *wordpieces {
	t.Helper()
	vocabulary, err := text.ReadSubwords(file)
	if in.OwnIDs {
		vocabulary, err = text.ReadOwnIDs(file, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	in.Tokenizer, in.Padding = text.Subword, vocabulary.Padding()
	w := &wordpieces{in: in, vocabulary: vocabulary, sessions: map[string]runtime.Session{}}
	if w.tokenizer, err = text.NewTokenizer(text.Subword, text.Options{Subwords: vocabulary, Special: in.SpecialTokens}); err != nil {
		t.Fatal(err)
	}
	f, err := newWordpieceFront(&w.in, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	g := builder.New("front", builder.Options{})
	made, err := f.build(g)
	if err != nil {
		t.Fatal(err)
	}
	e, err := g.Emit(builder.Emission{Outputs: []builder.Output{{Name: "ids", Value: made.IDs}, {Name: "tokens", Value: f.tokens}, {Name: "starts", Value: made.WordStarts}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, pass := range []func(*onnx.Graph) error{onnx.Simplify, onnx.PlainLoops, onnx.Simplify} {
		if err := pass(e.Model.Graph); err != nil {
			t.Fatal(err)
		}
	}
	if err := onnx.Check(e.Model); err != nil {
		t.Fatal(err)
	}
	content, err := onnx.Encode(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	w.file = content
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []runtime.Engine{engine, gonum.New()} {
		s, err := e.Open(content, runtime.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		w.sessions[e.Name()] = s
	}
	return w
}

func (w *wordpieces) run(session runtime.Session, texts []string) (ids []int64, tokens []string, starts []int64, length int, err error) {
	in := []runtime.Named{{Name: TextInput, Tensor: tensor.Must(tensor.Of(texts, int64(len(texts))))}}
	out := []runtime.Named{{Name: "ids"}, {Name: "tokens"}, {Name: "starts"}}
	if err := session.Run(context.Background(), in, out); err != nil {
		return nil, nil, nil, 0, err
	}
	return out[0].Tensor.Int64s(), out[1].Tensor.Strings(), out[2].Tensor.Int64s(), int(out[0].Tensor.Shape()[1]), nil
}

// row returns the pieces that Go makes of a text. Where they are cut, the
// special tokens stay.
func (w *wordpieces) row(s string) []text.Token {
	row := w.tokenizer.Tokenize(nil, s)
	limit := w.in.MaxLength
	if limit == 0 || len(row) <= limit {
		return row
	}
	before, after := 0, 0
	if w.in.SpecialTokens {
		before, after = 1, 1
	}
	return slices.Concat(row[:max(limit-after, before)], row[len(row)-after:])[:limit]
}

// compare reports the first text that the graph reads in another way than
// package text does, on either engine.
func (w *wordpieces) compare(t testing.TB, texts []string) {
	t.Helper()
	for engine, session := range w.sessions {
		ids, tokens, starts, length, err := w.run(session, texts)
		if err != nil {
			t.Fatalf("%s: %q: %v", engine, texts, err)
		}
		longest := 1
		for i, s := range texts {
			row := w.row(s)
			longest = max(longest, len(row))
			if len(row) > length {
				t.Fatalf("%s: %q: %d pieces, the graph has room for %d: %q", engine, s, len(row), length, tokens[i*length:(i+1)*length])
			}
			begins := text.Begins(nil, row, w.tokenizer.Words(nil, s))
			for j := range length {
				id, form, start := w.in.Padding, "", int64(0)
				if j < len(row) {
					id, form = w.vocabulary.ID(row[j].Text), row[j].Text
					if begins[j] >= 0 {
						start = 1
					}
				}
				// White space that the normalizer takes for control characters may
				// stand within a word.
				if at := i*length + j; starts[at] != start && !strings.ContainsAny(s, "\v\f\u0085") {
					t.Fatalf("%s: %q, piece %d, %q: begins a word: %d, want %d", engine, s, j, form, starts[at], start)
				}
				if at := i*length + j; ids[at] != id || tokens[at] != form {
					t.Fatalf("%s: %q, piece %d: the graph has %q, id %d; want %q, id %d", engine, s, j, tokens[at], ids[at], form, id)
				}
			}
		}
		if length != longest {
			t.Fatalf("%s: the graph makes rows of %d pieces, the longest text has %d", engine, length, longest)
		}
	}
}

// inBatches compares texts one by one and in batches of several sizes.
func (w *wordpieces) inBatches(t testing.TB, texts []string) {
	t.Helper()
	for i, size := 0, 1; len(texts) > 0; i++ {
		n := min(size, len(texts))
		w.compare(t, texts[:n])
		texts = texts[n:]
		size = []int{1, 1, 3, 64}[i%4]
	}
}

// smallWordpieces is a tokenizer.json with pieces of several scripts, marks and
// signs, in which capitals and accents stand, too, for settings that keep them.
func smallWordpieces(t testing.TB, normalizer map[string]any) []byte {
	t.Helper()
	vocab := map[string]int{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
	add := func(words ...string) {
		for _, w := range words {
			for _, piece := range []string{w, "##" + w} {
				if _, ok := vocab[piece]; !ok {
					vocab[piece] = len(vocab)
				}
			}
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		add(string(c), string(unicode.ToUpper(c)))
	}
	add("the", "th", "play", "ing", "jazz", "son", "song", "songs", "cafe", "caf\u00e9", "na\u00efve", "i\u0307", "ss", "\u00df", "Stra", "strasse", "\u4e2d", "\u6587", "\uac00", "\u1100\u1161", "\u1112", "\u1161", "\u11ab",
		"\u3042", "\u304b", "\u30ab\u3099", "\u0e01", "\u0e01\u0e33", "\u0627", "\u0644", "\u0644\u0627", "\u05d0", "\u05d1", "\u0431", "\u043f\u0440\u0438", "\u0439", "\u0438", "\u03c3", "\u03c2", "\u03b1", "\u0915", "\u0937", "\u0915\u094d\u0937",
		"1", "2", "12", ".", ",", "?", "!", "-", "'", "[", "]", "#", "##", "\u3002", "\u00a0", "\u200d", "\u0300", "\U0001F600", "\u302e", "\U00020000")
	literal := func(id int, content string, lstrip bool) map[string]any {
		return map[string]any{"id": id, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": false, "normalized": false, "special": true}
	}
	content, err := json.Marshal(map[string]any{
		"version": "1.0",
		"added_tokens": []any{
			literal(3, "[SEP]", false), literal(4, "[MASK]", true), literal(vocab["!"], "!", false),
			literal(len(vocab), "the[MASK]", false), literal(len(vocab)+1, "\u200b", false),
		},
		"normalizer":    normalizer,
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{
			"type":   "TemplateProcessing",
			"single": []any{map[string]any{"SpecialToken": map[string]any{"id": "[CLS]", "type_id": 0}}, map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}, map[string]any{"SpecialToken": map[string]any{"id": "[SEP]", "type_id": 0}}},
			"pair": []any{
				map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}},
				map[string]any{"SpecialToken": map[string]any{"id": "[SEP]", "type_id": 0}},
				map[string]any{"Sequence": map[string]any{"id": "B", "type_id": 1}},
			},
			"special_tokens": map[string]any{
				"[CLS]": map[string]any{"id": "[CLS]", "ids": []int{2}, "tokens": []string{"[CLS]"}},
				"[SEP]": map[string]any{"id": "[SEP]", "ids": []int{3}, "tokens": []string{"[SEP]"}},
			},
		},
		"model": map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 12, "vocab": vocab},
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// oddTexts are texts that take the paths a sentence does not.
var oddTexts = []string{
	"", " ", "\t\n\r \u00a0\u3000\u2028", "Play the songs", "[SEP]", "a[SEP]b", "a [SEP] b[MASK]", "[SEP][SEP] [MASK]!", "[SE P]", "[S\u200dEP]", "the[MASK]the [MASK]", "THE[MASK]",
	"##ing", "#ing", "playing##ing", "songsongsongs", strings.Repeat("a", 12), strings.Repeat("a", 13), strings.Repeat("a", 100), strings.Repeat("a", 101), strings.Repeat("song ", 300), strings.Repeat("ab", 5000),
	"caf\u00e9 cafe\u0301 CAF\u00c9", "na\u00efve Stra\u00dfe STRASSE \u0130stanbul i\u0307", "\u4e2d\u6587 a\u4e2db \u9fff\u9ffe", "\uf900\U0002f800a", "\ud55c\uad6d\uc5b4 \uac00", "\u304c\u30ac\u3042", "\u0e01\u0e33 \u0e01\u0e49\u0e33",
	"\u0644\u0627 \u0644\u064e\u0627", "\u0439 \u0418\u0306", "\u03a3\u03c3\u03c2", "\u0915\u094d\u0937", "a\u200bb", "a\u200db", "a\u0000b"[:1], "\u0001a\u007fb\u0085c", "\ufffd a\ufffdb", "\ufeffplay", "\U0001F600\U0001F468\u200d\U0001F469", "1.2,3?!", "12-12",
	"\ue000a\U000f0000b\U0010fffd", "\u302e\U0001d165\u302e", "a\u302eb\U0001d165", "x\u00adplay", "\u1e9e \ufb01 \u2126 \u212b", "\u0149 \u1e97", "play\u037ethe", "\u00b4a", "\u3099 \u30ab\u3099", "\u05d0\u05b7\u05d1",
}

// madeTexts returns n texts of characters of 12 scripts, signs, marks, controls
// and space, and of words.
func madeTexts(n int) []string {
	r := rand.New(rand.NewPCG(5, 6))
	ranges := [][2]rune{
		{'a', 'z'},
		{'A', 'Z'},
		{0xC0, 0x17F},
		{0x370, 0x3FF},
		{0x400, 0x45F},
		{0x5D0, 0x5EA},
		{0x620, 0x65F},
		{0x900, 0x97F},
		{0xE01, 0xE4E},
		{0x3041, 0x30FE},
		{0x4E00, 0x9FFF},
		{0xAC00, 0xD7A3},
		{0x1100, 0x1112},
		{0x10A0, 0x10FF},
		{0x300, 0x36F},
		{0x1F600, 0x1F64F},
		{0x2000, 0x206F},
		{1, 0x9F},
		{0x1E00, 0x1EFF},
		{0x20000, 0x2A6DF},
		{0xF900, 0xFAFF},
		{0x3000, 0x303F},
		{0xFE00, 0xFE0F},
		{0xE000, 0xF8FF},
		{0x10FFF0, 0x10FFFF},
		{0x1D100, 0x1D1FF},
		{0x10000, 0x10FFFF},
	}
	words := []string{"the", "playing", "songs", "[SEP]", "[MASK]", "[UNK]", "caf\u00e9", "un", "##ing", "12", "\u4e2d\u6587"}
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		own := [][2]rune{ranges[r.IntN(len(ranges))], ranges[r.IntN(len(ranges))], ranges[r.IntN(14)]}
		for range r.IntN(60) {
			switch k := r.IntN(12); {
			case k < 2:
				b.WriteByte(' ')
			case k == 2:
				b.WriteString(words[r.IntN(len(words))])
			default:
				c := own[r.IntN(len(own))]
				if x := c[0] + rune(r.IntN(int(c[1]-c[0])+1)); utf8.ValidRune(x) {
					b.WriteRune(x)
				}
			}
		}
		out[i] = b.String()
	}
	return out
}

func TestWordpiecesInTheGraphAreThoseOfGo(t *testing.T) {
	n := 0
	for _, clean := range []bool{true, false} {
		for _, chinese := range []bool{true, false} {
			for _, accents := range []any{nil, true, false} {
				for _, lower := range []bool{true, false} {
					n++
					in := schema.Input{SpecialTokens: n%2 == 0, OwnIDs: n%4 < 2, MaxLength: []int{0, 7, 0, 1, 2}[n%5]}
					name := fmt.Sprintf("clean %v, chinese %v, accents %v, lower %v", clean, chinese, accents, lower)
					t.Run(name, func(t *testing.T) {
						w := newWordpieces(t, smallWordpieces(t, map[string]any{
							"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower,
						}), in, 1)
						w.inBatches(t, append(slices.Clone(oddTexts), madeTexts(200)...))
						w.compare(t, []string{})
						w.compare(t, []string{""})
						w.compare(t, []string{"", " "})
						w.compare(t, oddTexts)
					})
				}
			}
		}
	}
}

// miniLM is the tokenizer.json of a real model.
func miniLM(t testing.TB) []byte {
	t.Helper()
	dir := os.Getenv("ESPALIER_MINILM")
	if dir == "" {
		t.Fatal("ESPALIER_MINILM is not set: run `make env`, and test with `make test`")
	}
	content, err := os.ReadFile(dir + "/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWordpiecesOfMiniLMAreThoseOfGo(t *testing.T) {
	w := newWordpieces(t, miniLM(t), schema.Input{SpecialTokens: true, OwnIDs: true}, 1)
	t.Logf("the front has %d bytes", len(w.file))
	all := corpus(t)
	var texts []string
	for i := range 1000 {
		texts = append(texts, all[i*len(all)/1000])
	}
	w.inBatches(t, texts)
	w.inBatches(t, oddTexts)
	w.inBatches(t, madeTexts(1000))
}

func BenchmarkWordpieces(b *testing.B) {
	w := newWordpieces(b, miniLM(b), schema.Input{SpecialTokens: true}, 1)
	sentence := "Please play some extraordinary jazz by Miles Davis, wake me tomorrow at 7:30 and tell everybody how photosynthesis works in the evening light "
	words := strings.Fields(strings.Repeat(sentence, 10))
	for engine, session := range w.sessions {
		for _, n := range []int{20, 100} {
			for _, batch := range []int{1, 32} {
				texts := slices.Repeat([]string{strings.Join(words[:n], " ")}, batch)
				b.Run(fmt.Sprintf("%s/words=%d/batch=%d", engine, n, batch), func(b *testing.B) {
					for b.Loop() {
						if _, _, _, _, err := w.run(session, texts); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "us/text")
				})
			}
		}
	}
}

// TestWordpiecesInTheGraphAreThoseOfTokenizers: the oracle is Hugging Face's own
// package, and the graph runs in Python.
func TestWordpiecesInTheGraphAreThoseOfTokenizers(t *testing.T) {
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("ESPALIER_PYTHON is not set: run `make env`, and test with `make test`")
	}
	all := corpus(t)
	var texts []string
	for i := range 1000 {
		texts = append(texts, all[i*len(all)/1000])
	}
	texts = append(append(texts, oddTexts...), madeTexts(1500)...)
	small := func(accents any, lower bool) []byte {
		return smallWordpieces(t, map[string]any{"type": "BertNormalizer", "clean_text": lower, "handle_chinese_chars": lower, "strip_accents": accents, "lowercase": lower})
	}
	for name, c := range map[string]struct {
		file []byte
		in   schema.Input
	}{
		"MiniLM":            {miniLM(t), schema.Input{SpecialTokens: true, OwnIDs: true}},
		"small, lower":      {small(nil, true), schema.Input{SpecialTokens: true}},
		"small, as it is":   {small(nil, false), schema.Input{OwnIDs: true}},
		"small, unaccented": {small(true, false), schema.Input{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWordpieces(t, c.file, c.in, 1)
			dir := t.TempDir()
			cases, err := json.Marshal(map[string]any{"texts": texts, "special": c.in.SpecialTokens, "own": c.in.OwnIDs})
			if err != nil {
				t.Fatal(err)
			}
			for file, content := range map[string][]byte{"tokenizer.json": c.file, "front.onnx": w.file, "texts.json": cases} {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.Command(python, "-B", "testdata/wordpiece.py", dir).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n, err := strconv.Atoi(strings.TrimSpace(string(out))); err != nil || n < 1500 {
				t.Errorf("it compared %s texts, fewer than 1500", out)
			} else {
				t.Logf("%d texts", n)
			}
		})
	}
}

func FuzzWordpiecesInTheGraphAreThoseOfGo(f *testing.F) {
	for _, s := range oddTexts {
		if len(s) < 200 {
			f.Add(s)
		}
	}
	var all []*wordpieces
	for _, lower := range []bool{true, false} {
		file := smallWordpieces(f, map[string]any{"type": "BertNormalizer", "clean_text": lower, "handle_chinese_chars": lower, "lowercase": lower})
		all = append(all, newWordpieces(f, file, schema.Input{SpecialTokens: lower}, 1))
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "")
		for _, w := range all {
			w.compare(t, []string{s, "Play a", ""})
		}
	})
}

// TestWordpiecesRefuseWhatIsNoText: neither engine takes a string that is not
// UTF-8; the error says so.
func TestWordpiecesRefuseWhatIsNoText(t *testing.T) {
	w := newWordpieces(t, smallWordpieces(t, map[string]any{"type": "BertNormalizer"}), schema.Input{}, 1)
	for engine, session := range w.sessions {
		if _, _, _, _, err := w.run(session, []string{"a\xffb"}); err == nil || !strings.Contains(strings.ToLower(err.Error()), "utf") {
			t.Errorf("%s: %v", engine, err)
		}
	}
}

// TestOtherSubwordsAreRefused: the error names what the file asks for, and says
// what to do.
func TestOtherSubwordsAreRefused(t *testing.T) {
	file := []byte(`{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}`)
	vocabulary, err := text.ReadSubwords(file)
	if err != nil {
		t.Fatal(err)
	}
	const before = "export: the tokenizer cannot be part of a graph, which holds WordPiece with BertNormalizer and BertPreTokenizer: "
	const use = `; use --input ids, and make the ids with the tokenizer.json in the file's metadata "espalier.tokenizer": `
	for want, in := range map[string]schema.Input{
		before + "tokenizer.json: the model is BPE, not WordPiece" + use + "a token with id n there has id n+2, its unknown token 1, and 0 is padding": {},
		before + "tokenizer.json: the model is BPE, not WordPiece" + use + "tokens have the ids that they have there, and 3 is padding":                {OwnIDs: true, Padding: 3},
		before + "the model reads the characters of pieces" + use + "a token with id n there has id n+2, its unknown token 1, and 0 is padding":        {Characters: &schema.Characters{MaxLength: 3}},
	} {
		in.Tokenizer = text.Subword
		if _, err := newTextFront(&in, vocabulary); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestTrieFindsItsWords and no others.
func TestTrieFindsItsWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b trieBuilder
	root := b.node()
	words := map[string]int32{}
	for i := range int32(5000) {
		codes := make([]int32, 1+r.IntN(5))
		for j := range codes {
			codes[j] = codeFirst + r.Int32N(1+r.Int32N(300))
		}
		words[fmt.Sprint(codes)] = i
		b.add(root, codes, i)
	}
	d, states := b.pack(codeFirst + 300)
	found := 0
	for range 200000 {
		var codes []int32
		for state := states[root]; ; {
			code := r.Int32N(codeFirst + r.Int32N(300))
			at := state + code // which must be within the arrays
			if d.check[at] != state {
				if v, ok := words[fmt.Sprint(append(codes, code))]; ok {
					t.Fatalf("%v is lost, word %d", append(codes, code), v)
				}
				break
			}
			codes = append(codes, code)
			want, ok := words[fmt.Sprint(codes)]
			if !ok {
				want = -1
			} else {
				found++
			}
			if d.value[at] != want {
				t.Fatalf("%v is word %d, want %d", codes, d.value[at], want)
			}
			state = d.next[at]
		}
	}
	if found < 10000 {
		t.Errorf("only %d words were found", found)
	}
}
