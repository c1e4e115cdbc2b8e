package input_test

import (
	"slices"
	"testing"

	"espalier/input"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// model is a schema that reads inputs of these kinds.
func model(kinds ...schema.InputType) *schema.Schema {
	s := &schema.Schema{}
	for _, k := range kinds {
		s.Inputs = append(s.Inputs, schema.Input{Name: "input_" + string(k), Type: k})
	}
	return s
}

func TestWhatAModelReads(t *testing.T) {
	for _, c := range []struct {
		kinds              []schema.InputType
		table, text, token bool
		vocabulary         string
	}{
		{nil, false, false, false, ""},
		{[]schema.InputType{schema.Text}, false, true, true, "input_text"},
		{[]schema.InputType{schema.Text, schema.Text}, false, false, true, "input_text"},
		{[]schema.InputType{schema.Numeric, schema.Categorical}, true, false, false, ""},
		{[]schema.InputType{schema.Numeric, schema.Text}, false, false, true, "input_text"},
		{[]schema.InputType{schema.Numbers}, false, false, false, ""},
		{[]schema.InputType{"sound"}, false, false, false, ""},
	} {
		s := model(c.kinds...)
		name := ""
		if in := input.WithVocabulary(s); in != nil {
			name = in.Name
		}
		if input.Table(s) != c.table || input.OneText(s) != c.text || input.HasTokens(s) != c.token || name != c.vocabulary {
			t.Errorf("%v: table %v, one text %v, tokens %v, vocabulary of %q", c.kinds, input.Table(s), input.OneText(s), input.HasTokens(s), name)
		}
	}
}

func TestWhatCarriesAnInput(t *testing.T) {
	for _, c := range []struct {
		in   schema.Input
		of   tensor.DType
		rank int
	}{
		{schema.Input{Type: schema.Text}, tensor.Int64, 2},
		{schema.Input{Type: schema.Text, InGraph: true}, tensor.String, 1},
		{schema.Input{Type: schema.Numeric}, tensor.Float32, 1},
		{schema.Input{Type: schema.Numeric, InGraph: true, Double: true}, tensor.Float64, 1},
		{schema.Input{Type: schema.Categorical}, tensor.Int64, 1},
		{schema.Input{Type: schema.Categorical, InGraph: true}, tensor.String, 1},
	} {
		if of, rank := input.Of(c.in.Type).Tensor(&c.in); of != c.of || rank != c.rank {
			t.Errorf("%+v: %v of %d dimensions", c.in, of, rank)
		}
	}
}

func TestInputsDescribeThemselves(t *testing.T) {
	for want, in := range map[string]schema.Input{
		"tokenizer regex, lower case true, 12 words":         {Type: schema.Text, Tokenizer: "regex", Lowercase: true, VocabularySize: 12},
		"tokenizer subword, special tokens true, 9 pieces":   {Type: schema.Text, Tokenizer: "subword", SpecialTokens: true, VocabularySize: 9},
		"numeric, mean 2, deviation 0.5":                     {Type: schema.Numeric, Mean: 2, Deviation: 0.5},
		"categorical, 2 values: a, b":                        {Type: schema.Categorical, Values: []string{"a", "b"}},
		"categorical, 7 values: a, b, c, d, e, f and 1 more": {Type: schema.Categorical, Values: []string{"a", "b", "c", "d", "e", "f", "g"}},
		"numbers, laid out by the caller":                    {Type: schema.Numbers},
		"sound":                                              {Type: "sound"},
	} {
		if got := input.Describe(&in); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestSettingsReachTheSchema: what a kind declares it also reads.
func TestSettingsReachTheSchema(t *testing.T) {
	values := setting.Values{
		"tokenizer": "characters", "whole_words": true, "lowercase": true, "special_tokens": true,
		"min_count": int64(2), "max_length": int64(7), "missing": []string{"?"},
	}
	for _, k := range input.Kinds() {
		own := setting.Values{}
		for _, o := range k.Options() {
			if v, ok := values[o.Key]; ok {
				own[o.Key] = v
			}
		}
		var in schema.Input
		k.Configure(own, &in)
		keys := setting.Keys(k.Options())
		if got := slices.Equal(in.Missing, []string{"?"}); got != slices.Contains(keys, "missing") {
			t.Errorf("%s: missing are %q", k.Name(), in.Missing)
		}
		if got := in.MinCount == 2; got != slices.Contains(keys, "min_count") {
			t.Errorf("%s: min_count is %d", k.Name(), in.MinCount)
		}
		if got := in.Tokenizer == "regex" && in.Pattern != "" && in.Lowercase && in.SpecialTokens && in.MaxLength == 7; got != k.Traits().Tokens {
			t.Errorf("%s: %+v", k.Name(), in)
		}
	}
}
