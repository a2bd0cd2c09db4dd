"""Apache Kafka: a broker of this book's own, its frames, and clients over confluent-kafka.

Book: 11-kafka
"""
