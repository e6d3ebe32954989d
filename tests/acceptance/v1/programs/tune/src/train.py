import argparse

from azureml.core.run import Run

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--momentum", type=float)
parser.add_argument("--batch-size", type=int)
parser.add_argument("--layers", type=int)
parser.add_argument("--hidden", type=int)
parser.add_argument("--scale", type=float)
parser.add_argument("--noise", type=float)
parser.add_argument("--step", type=float)
parser.add_argument("--decay", type=float)
parser.add_argument("--patience", type=float)
parser.add_argument("--resume-from")
args = parser.parse_args()

run = Run.get_context()
for epoch in range(args.epochs):
    run.log("accuracy", 1 - abs(args.learning_rate - 0.05) / (epoch + 1))
with open("outputs/model.txt", "w") as file:
    file.write(str(args.learning_rate))
print("resumed from", args.resume_from)
