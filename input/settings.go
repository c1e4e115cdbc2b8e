package input

import "espalier/setting"

// The settings that several kinds have.

func minCount() setting.Option {
	return setting.Option{Key: "min_count", Kind: setting.Whole, Min: 1, Default: 1, Doc: "how often a word, or a value of a categorical column, must stand in the training data to be known"}
}

func missing() setting.Option {
	return setting.Option{Key: "missing", Kind: setting.Text, List: true, Doc: "texts that stand for a missing value, beside an empty one"}
}

// missingOf are the texts that stand for a missing value; nil for none.
func missingOf(v setting.Values) []string {
	if texts := v.Texts("missing"); len(texts) > 0 {
		return texts
	}
	return nil
}
