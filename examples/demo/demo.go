// Package demo embeds the recipe and the corpus of the demonstration: short
// sentences with a topic, a sentiment and named entities, made by
// examples/demo/generate from templates and word lists of this project.
package demo

import "embed"

// Files holds recipe.yaml, train.conll, valid.conll and test.conll. A sentence
// is a block of lines "token<TAB>tag"; its topic and sentiment stand in comment
// lines in front. A label that is missing has no comment, or "_" for every tag.
//
//go:generate go run ./generate
//go:embed recipe.yaml train.conll valid.conll test.conll
var Files embed.FS
