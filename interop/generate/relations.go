package main

import (
	"fmt"

	"espalier/export"
	"espalier/models"
	"espalier/schema"
	"espalier/text"
)

// writeRelations writes a model that joins the entities it finds.
func writeRelations(x *matrix) error {
	counter := text.NewCounter()
	for i := range 60 {
		counter.Add(fmt.Sprintf("word%d", i))
	}
	words := counter.Build(1, 0)
	trunk := models.TrunkConfig{Type: "bilstm", Embedding: 8, Hidden: 12}
	s := description(words.Size(), trunk)
	s.Tasks = []schema.Task{
		*s.Task("entities"),
		{Name: "relations", Type: schema.Relation, Entities: "entities", Labels: []string{"in", "near", "of"}},
	}
	m, err := models.NewText(s, models.Config{
		Trunk: trunk, Heads: map[string]models.HeadConfig{"relations": {Hidden: 8, Reads: []string{"entities"}}},
	})
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	return x.add("relations", "model", m, values, words, export.Options{Training: map[string]string{"recipe": "interop"}}, calls(m.Schema()))
}
