package input

import (
	"fmt"

	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
	"espalier/text"
)

// texts become ids of tokens, or of pieces of them.
type texts struct{}

func (texts) Name() schema.InputType { return schema.Text }
func (texts) Traits() Traits         { return Traits{Given: Text, Tokens: true, Vocabulary: true} }
func (texts) Doc() string            { return "a text" }

func (texts) Options() []setting.Option {
	minCount := minCount()
	minCount.Moot = ofWords
	return []setting.Option{
		{
			Key: "tokenizer", Kind: setting.Word, Words: []string{"whitespace", "regex", "characters", text.Subword}, Default: "whitespace",
			Doc: "what a token is: what stands between white space; each match of pattern; each code point of Unicode; what a tokenizer.json of Hugging Face's tokenizers says",
		},
		{Key: "whole_words", Kind: setting.Flag, Default: false, Moot: onlyOf("characters"), Doc: "characters splits only scripts that are written without spaces, such as Han, Kana and Thai, and keeps words and numbers of others whole; white space is then no token"},
		{Key: "pattern", Kind: setting.Text, Moot: ofWords, Doc: "expression of regex"},
		{Key: "file", Kind: setting.Text, Doc: "the tokenizer.json of subword, relative to the current directory; a run keeps a copy"},
		{Key: "special_tokens", Kind: setting.Flag, Default: false, Moot: onlyOf(text.Subword), Doc: "adds the tokens that the post-processor of subword puts around a text, as [CLS] and [SEP]"},
		{Key: "pair", Kind: setting.Text, Moot: onlyOf(text.Subword), Doc: "field of the data that holds a second text: the two are one sequence, as the post-processor of subword joins them with its special tokens; max_length cuts the longer one first"},
		{Key: "lowercase", Kind: setting.Flag, Default: false, Moot: ofWords, Doc: "upper and lower case are the same"},
		minCount,
		{Key: "max_size", Kind: setting.Whole, Default: 0, Moot: ofWords, Doc: "most words that are known, the padding and the unknown word included; 0: no limit"},
		{Key: "max_length", Kind: setting.Whole, Default: 0, Doc: "most tokens of a text that are read; 0: no limit"},
	}
}

// onlyOf is the reason why a setting of one tokenizer has no meaning with another.
func onlyOf(tokenizer string) func(of setting.Values) string {
	return func(of setting.Values) string {
		if of.Text("tokenizer") == tokenizer {
			return ""
		}
		return "is for tokenizer " + tokenizer + ", not for " + of.Text("tokenizer")
	}
}

// ofWords is the reason why a setting of words has no meaning where a file brings pieces.
func ofWords(of setting.Values) string {
	if of.Text("tokenizer") == text.Subword {
		return "is not for tokenizer subword, whose file says it"
	}
	return ""
}

func (texts) Configure(v setting.Values, in *schema.Input) {
	in.Tokenizer, in.Pattern, in.Lowercase = v.Text("tokenizer"), v.Text("pattern"), v.Flag("lowercase")
	if v.Flag("whole_words") {
		// Files say it as an expression, which earlier programs read alike.
		in.Tokenizer, in.Pattern = "regex", text.WholeWords
	}
	in.MinCount, in.MaxLength = int(v.Int("min_count")), int(v.Int("max_length"))
	in.SpecialTokens, in.Pair = v.Flag("special_tokens"), v.Text("pair")
}

// Tensor is of the texts, or of the ids of their tokens.
func (texts) Tensor(in *schema.Input) (tensor.DType, int) {
	if in.InGraph {
		return tensor.String, 1
	}
	return tensor.Int64, 2
}

// Stored says how the vocabulary that stands beside an input's schema is read.
func Stored(in *schema.Input) text.Stored {
	return text.Stored{Tokenizer: in.Tokenizer, OwnIDs: in.OwnIDs, Padding: in.Padding}
}

func (texts) Describe(in *schema.Input) string {
	how := fmt.Sprintf("lower case %v, %d words", in.Lowercase, in.VocabularySize)
	if in.Tokenizer == text.Subword {
		how = fmt.Sprintf("special tokens %v, %d pieces", in.SpecialTokens, in.VocabularySize)
		if in.Pair != "" {
			how += ", with " + in.Pair + " as the second text"
		}
	}
	return fmt.Sprintf("tokenizer %s, %s", in.Tokenizer, how)
}
