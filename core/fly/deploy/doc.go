// Package deploy runs fly deploy and tells what it prints. The exit code alone
// says whether it went well; lines that look like progress become events, and
// nothing is concluded from them.
//
// The token goes to the program in its environment, never among its arguments,
// where every user of the machine could read it, and it is taken out of what is
// printed. A deploy that says nothing for too long, takes too long or is not
// wanted any more is ended with everything it started. Deploys run at once, each
// on its own.
//
// Whoever streams a deploy reads all of it and makes it wait. Any number of others
// follow it by its ticket, and lose lines where they do not keep up.
package deploy
