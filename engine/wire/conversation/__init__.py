"""What is said over one data channel: two state machines without I/O, one for each end.

Their owners feed them what arrives, send what ``messages_to_send()`` returns, and act on the
messages that the receive methods return. Neither knows a task, a timer or a channel, and time
is passed in as a value. tests/vectors/conversation.json holds both, and the page's
conversation.js, to the same sequences.
"""
