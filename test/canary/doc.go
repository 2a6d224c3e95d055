// Package canary proves that a credential stays where it belongs. Its tests open
// clients with canary keys, talk to simulated clouds through a relay that throws
// the credential it gets back at the client in every shape it can think of, and
// then look for it in the memory of the sandboxes, in every answer, error and
// event, in what the process prints, and in every file it leaves.
package canary
