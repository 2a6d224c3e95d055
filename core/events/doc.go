// Package events is the event bus: one ordered stream per topic, with sequence
// numbers that only grow. A topic keeps its latest events, so a subscription may
// start in the past and nothing is lost between an act and the subscription to
// it.
//
// Three classes of events meet bounded queues in three ways. A lifecycle event
// is always delivered; there are few of them. A data event, such as a chunk of a
// job's output, waits until every subscription of its topic has room, so a slow
// reader slows its source. A log line drops when a subscription is full; how many
// were dropped is said in the next event that subscription gets, an event named
// "dropped" with the count.
//
// The bus knows nothing of what events mean or how they leave the process.
package events
