"""Amazon's Simple Queue Service (SQS): an emulator on loopback, or what AWS's variables name.

Book: 13-aws-sqs
"""
