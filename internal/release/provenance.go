package main

import (
	"encoding/json"
	"io"
	"runtime"
	"strings"
)

const repositoryURL = "https://github.com/fleetup-dev/fleetup"

// The types below are an in-toto statement v1 with a predicate of SLSA provenance
// v1 (https://slsa.dev/spec/v1.0/provenance), as far as a build that anybody can
// repeat has something to say: no identity of a machine, no time of a clock.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []artifact `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

type artifact struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]string `json:"externalParameters"`
	InternalParameters   map[string]string `json:"internalParameters"`
	ResolvedDependencies []artifact        `json:"resolvedDependencies"`
}

type runDetails struct {
	Builder builder `json:"builder"`
}

type builder struct {
	ID string `json:"id"`
}

// provenanceEnding is that of the statement about a release's files.
const provenanceEnding = ".intoto.jsonl"

// provenance writes what a release's files were made of. It is not signed: who
// publishes it signs it, with what identity they have.
func (r *release) provenance(sums map[string]string) (string, error) {
	s := statement{Type: "https://in-toto.io/Statement/v1", PredicateType: "https://slsa.dev/provenance/v1"}
	for _, name := range sortedNames(sums) {
		s.Subject = append(s.Subject, artifact{Name: name, Digest: map[string]string{"sha256": sums[name]}})
	}
	recipe := repositoryURL + "/tree/" + r.commit + "/internal/release"
	s.Predicate.BuildDefinition = buildDefinition{BuildType: recipe,
		ExternalParameters: map[string]string{"repository": repositoryURL, "version": r.version},
		InternalParameters: map[string]string{"go": runtime.Version()},
		ResolvedDependencies: []artifact{{URI: "git+" + repositoryURL + "@refs/tags/" + r.version,
			Digest: map[string]string{"gitCommit": r.commit}}}}
	s.Predicate.RunDetails.Builder.ID = recipe
	line, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	name := "fleetup_" + strings.TrimPrefix(r.version, "v") + provenanceEnding
	return name, r.create(name, func(w io.Writer) error {
		_, err := w.Write(append(line, '\n'))
		return err
	})
}
