package source

import "espalier/setting"

// Options are the settings that a recipe has for a source.
func Options() []setting.Option {
	texts := func(key, doc string) setting.Option {
		return setting.Option{Key: key, Kind: setting.Text, Named: true, Doc: doc}
	}
	return []setting.Option{
		{Key: "for", Kind: setting.Text, Named: true, List: true, Doc: "makes a source of each of its values: {NAME} stands for the value in the source's other settings; with several names, of each combination"},
		{Key: "format", Kind: setting.Word, Words: Formats(), Required: true, Doc: "format of the files; docs/formats.md has an example of each"},
		{Key: "root", Kind: setting.Text, Follows: "data.root", Doc: "put in front of the source's relative file names"},
		{Key: "file", Kind: setting.Text, Doc: "the file; a name that ends in .gz is unpacked, one with *, ? or [ in it is all files that match, in alphabetical order"},
		texts("files", "the parallel files of format lines: field to file name"),
		{Key: "pattern", Kind: setting.Text, Doc: "takes the lines of a file of format lines apart: a regular expression (RE2) that each line matches as a whole, whose named groups (?P<FIELD>...) are fields"},
		{Key: "path", Kind: setting.Text, Doc: "leads to the array of examples in the document of format json or spans: keys, and numbers from 0 in arrays, with dots between; without it the document is the array"},
		texts("fields", "where a field is read from: a column's name or its number from 0, a JSON key or place in a JSON array (dots step inside), a group of a pattern, a column of conllu by name, or a comment of conll and conllu; a field that is not named here is read from that of its own name"),
		texts("set", "fields that have the same text in every example"),
		{Key: "values", Kind: setting.Section, Named: true, Doc: "the fields that are looked up, by name"},
		{Key: "inline", Kind: setting.Text, Doc: "the column or key whose text has spans written inside, as wake me at [time : nine am]: fields that are read from it are the plain text for an input and the spans for tagging"},
		{Key: "broken", Kind: setting.Word, Words: []string{"error", "skip"}, Follows: "error", Doc: "what happens to an example that cannot be read, or whose tags do not fit; skip counts it"},
		{Key: "join", Kind: setting.Section, List: true, Single: true, Doc: "sources read beside this one, example by example: each has some of the fields, and those that several have must be the same; format, root, header, delimiter and encoding are this source's where they do not set them"},
		{Key: "header", Kind: setting.Flag, Default: true, Doc: "whether the first line of csv and tsv names the columns"},
		{Key: "delimiter", Kind: setting.Text, Follows: "a comma for csv, a tab for tsv, any white space for conll", Doc: "what separates columns"},
		{Key: "encoding", Kind: setting.Word, Words: []string{"utf-8", "latin1"}, Default: "utf-8", Doc: "encoding of the files"},
	}
}

// MappingOptions are those of a field that is looked up.
func MappingOptions() []setting.Option {
	return []setting.Option{
		{Key: "from", Kind: setting.Text, Follows: "the field itself", Doc: "the field whose text is looked up; a text with {FIELD} in it has those fields put into it, and is missing where one of them is; it can be a field without being looked up"},
		{Key: "file", Kind: setting.Text, Doc: "what texts become: a name that ends in .json: an object of texts (text: result) or of lists (result: [texts]), or an array of results, numbered from 0; any other: lines of a text, a tab and a result, or of results only, numbered from 0"},
		{Key: "map", Kind: setting.Text, Named: true, Doc: "the same in the recipe: text to result, an empty one for missing; it is asked before file"},
		{Key: "separator", Kind: setting.Text, Doc: "makes a text a list of texts, each looked up by itself"},
		{
			Key: "unknown", Kind: setting.Word, Words: []string{"error", "missing", "keep"}, Default: "error", Doc: "what becomes of a text that is in neither",
			Moot: func(of setting.Values) string {
				if of.Text("other") != "" {
					return "is set, but so is other; leave one of them out"
				}
				return ""
			},
		},
		{Key: "other", Kind: setting.Text, Doc: "a result for such texts instead"},
	}
}
