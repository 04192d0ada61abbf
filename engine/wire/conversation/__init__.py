"""The conversation over one data channel: two state machines without I/O, one for each end.

Their owners pass in what arrives, send what ``messages_to_send()`` returns, and act on the
messages that the receive methods return. There are no tasks, timers or channels here, and time
is passed in as a value. tests/vectors/conversation.json tests both, and the page's
conversation.js, with the same sequences.
"""
