// Package chinese holds a small corpus of requests in Chinese, a language that
// is written without spaces, with an intent and slots, made by
// testdata/chinese/generate from templates and word lists of this project.
// examples/chinese.yaml trains on it.
package chinese

import "embed"

// Files holds train.jsonl, valid.jsonl and test.jsonl: a JSON object a line, with
// text, intent and slots, which count characters.
//
//go:generate go run ./generate
//go:embed train.jsonl valid.jsonl test.jsonl
var Files embed.FS
